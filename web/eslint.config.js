import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

export default ts.config(
  { ignores: ["node_modules/", "tests/shots/", "dist/"] },
  js.configs.recommended,
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser } } },
  { files: ["scripts/**", "tests/**", "*.config.*"], languageOptions: { globals: { ...globals.node } } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
    rules: {
      // The content policy refuses style attributes in markup; style:name={...}
      // goes through the CSSOM and is fine.
      "no-restricted-syntax": ["error", { selector: "SvelteAttribute[key.name='style']", message: "The content policy refuses style attributes: use a class or style:name={...}." }],
      "svelte/no-at-html-tags": "error",
      "svelte/no-navigation-without-resolve": "off", // of SvelteKit
      "svelte/no-unused-svelte-ignore": "off", // takes the reason after a code for codes
      "svelte/prefer-svelte-reactivity": "off", // plain maps are often meant
    },
  },
  {
    files: ["**/*.ts", "**/*.svelte"],
    rules: { "no-undef": "off" }, // the type checker knows better
  },
  {
    rules: {
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-console": "error",
      eqeqeq: "error",
    },
  },
  { files: ["scripts/**", "tests/**"], rules: { "no-console": "off" } },
);
