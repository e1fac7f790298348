import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// The files whose text is on the first page: asked for together with the style
// sheet, so that letters seldom change after the first paint.
const firstFonts = [/atkinson-hyperlegible-next-latin-wght-normal/, /newsreader-latin-500-normal/];

function preloadFonts(): Plugin {
  return {
    name: "preload-fonts",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(_html, { bundle }) {
        return Object.keys(bundle ?? {})
          .filter((file) => firstFonts.some((font) => font.test(file)))
          .map((file) => ({
            tag: "link",
            attrs: { rel: "preload", as: "font", type: "font/woff2", href: `/${file}`, crossorigin: "" },
            injectTo: "head" as const,
          }));
      },
    },
  };
}

export default defineConfig({
  plugins: [svelte(), svelteTesting(), preloadFonts()],
  build: {
    rollupOptions: { input: ["index.html", "viewer/index.html"] },
    outDir: "../internal/web/dist",
    emptyOutDir: false, // scripts/clean.mjs empties it but for placeholder.html
    manifest: true,
    target: ["chrome112", "firefox115", "safari16.4"],
    assetsInlineLimit: 0, // font-src and img-src allow no data: addresses
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
  },
  server: {
    proxy: { "/api": { target: process.env.COFFER_DEV_SERVER ?? "http://127.0.0.1:8080" } },
  },
  test: {
    environment: "happy-dom",
    include: ["tests/unit/**/*.test.ts", "src/**/*.test.ts"],
  },
});
