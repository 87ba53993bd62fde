import type { ExclusiveRunner } from "./session";

/**
 * One tab at a time, by the Web Locks API.
 *
 * Browsers offer it on https and on localhost only. Elsewhere tabs are not kept apart: the loser of a race for the same
 * refresh token has to log in again.
 */
export function exclusiveByLock(name: string): ExclusiveRunner {
  const locks: LockManager | undefined = navigator.locks;
  if (locks === undefined) return (work) => work();
  return async (work) => locks.request(name, work);
}
