// Empties the folder that the Go package embeds, but for the placeholder page
// that is committed so that "go build" works without Node.
import { readdirSync, rmSync } from "node:fs";

const dist = new URL("../../internal/web/dist/", import.meta.url);
for (const name of readdirSync(dist)) {
  if (name !== "placeholder.html") rmSync(new URL(name, dist), { recursive: true });
}
