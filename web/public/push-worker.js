/** Shows what an alert tells, also while no page is open, and opens the page when somebody clicks on it. */

const HISTORY = "/#alerts/history";

self.addEventListener("push", (event) => event.waitUntil(show(readMessage(event.data))));

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data.url));
});

function show({ title = "Tickmesh", body = "", tag, url = HISTORY }) {
  // The same message may come twice: under one tag it stays one notification.
  return self.registration.showNotification(title, { body, tag, icon: "/favicon.svg", data: { url } });
}

function readMessage(data) {
  try {
    return data?.json() ?? {};
  } catch {
    return { body: data.text() };
  }
}

async function open(url) {
  const [page] = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (page === undefined) return self.clients.openWindow(url);
  await page.focus();
  return page.navigate(url);
}
