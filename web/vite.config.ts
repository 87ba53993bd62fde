import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The running gateway that `npm run dev` passes API calls on to.
const gateway = process.env["TICKMESH_HTTP"] ?? "http://127.0.0.1:8000";
const apiPaths = [
  "/auth", "/quotes", "/prices", "/symbols", "/candles", "/portfolios",
  "/alerts", "/alert-channels", "/commands", "/health",
];

export default defineConfig({
  base: "/",
  plugins: [react()],
  build: { outDir: "../gateway/static", emptyOutDir: true },
  server: {
    proxy: {
      ...Object.fromEntries(apiPaths.map((path) => [path, { target: gateway, changeOrigin: true }])),
      "/stream": { target: gateway, changeOrigin: true, ws: true },
    },
  },
});
