import { expect, it } from "vitest";
import { ApiError, problemFrom } from "./problem";

it("takes the server's sentence, code and field", () => {
  const error = problemFrom(422, { title: "Invalid", detail: "Too short.", code: "invalid_field", field: "password" });
  expect(error).toMatchObject({ message: "Too short.", code: "invalid_field", field: "password", status: 422 });
});

it("falls back to the title, then to the status", () => {
  expect(problemFrom(404, { title: "Not Found" }).message).toBe("Not Found");
  expect(problemFrom(502, null).message).toBe("The server answered with status 502.");
});

it.each([
  [0, true],
  [401, false],
  [404, false],
  [429, true],
  [503, true],
])("status %d may be tried again: %s", (status, retryable) => {
  expect(new ApiError(status, "x", "x").retryable).toBe(retryable);
});
