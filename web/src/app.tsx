import { useSyncExternalStore } from "react";
import { LoginForm } from "./account/login-form";
import type { Session } from "./account/session";
import { Dashboard } from "./desk/dashboard";

export function App({ session }: { session: Session }) {
  const state = useSyncExternalStore(session.subscribe, session.state);
  if (state.phase === "signed-out") return <LoginForm session={session} notice={state.notice} />;
  return <Dashboard key={state.email} session={session} email={state.email} />;
}
