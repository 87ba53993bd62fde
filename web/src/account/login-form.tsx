import { type FormEvent, useId, useState } from "react";
import { ApiError } from "../api/problem";
import { BrandMark } from "../brand";
import type { Session } from "./session";

type Mode = "login" | "register";

const WORDS = {
  login: { title: "Log in", submit: "Log in", other: "Create an account", question: "New here?" },
  register: { title: "Create an account", submit: "Create account", other: "Log in", question: "Have an account?" },
} as const;

interface LoginFormProps {
  session: Session;
  /** Why the user is here although they were logged in before. */
  notice: string | null;
}

export function LoginForm({ session, notice }: LoginFormProps) {
  const [mode, setMode] = useState<Mode>("login");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const errorId = useId();
  const words = WORDS[mode];

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const credentials = { email: String(form.get("email")), password: String(form.get("password")) };
    setBusy(true);
    setProblem(null);
    try {
      await (mode === "login" ? session.login(credentials) : session.register(credentials));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error);
      setBusy(false);
    }
  };

  const message = problem?.message ?? notice;
  const fieldState = (name: string) =>
    problem?.field === name ? { "aria-invalid": true, "aria-describedby": errorId } : {};

  return (
    <main className="login">
      <div className="login-card">
        <header className="login-brand">
          <BrandMark />
          <p>Live prices, every tick.</p>
        </header>
        {/* The server judges the fields, so that there is one set of rules and one wording. */}
        <form data-testid="login-form" data-mode={mode} onSubmit={submit} noValidate>
          <h1>{words.title}</h1>
          <label>
            <span>Email</span>
            <input name="email" type="email" autoComplete="username" spellCheck={false} {...fieldState("email")} />
          </label>
          <label>
            <span>Password</span>
            <input
              name="password"
              type="password"
              autoComplete={mode === "login" ? "current-password" : "new-password"}
              {...fieldState("password")}
            />
          </label>
          <p className="login-error" id={errorId} role="alert" data-testid="login-error">
            {message}
          </p>
          <button type="submit" className="primary" disabled={busy}>
            {busy ? "One moment…" : words.submit}
          </button>
        </form>
        <p className="login-other">
          {words.question}{" "}
          <button
            type="button"
            className="link"
            data-action="switch-mode"
            onClick={() => {
              setMode(mode === "login" ? "register" : "login");
              setProblem(null);
            }}
          >
            {words.other}
          </button>
        </p>
      </div>
    </main>
  );
}
