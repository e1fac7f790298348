// Writes src/api/openapi.gen.d.ts, the types of the REST API, from the server's
// own description, which a Go test holds true. Untouched when nothing changed.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const source = new URL("../../docs/openapi.json", import.meta.url);
const target = new URL("../src/api/openapi.gen.d.ts", import.meta.url);
const text = "// Made by scripts/api.mjs; not to be changed by hand.\n" + astToString(await openapiTS(source));
if (!existsSync(target) || readFileSync(target, "utf8") !== text) writeFileSync(target, text);
