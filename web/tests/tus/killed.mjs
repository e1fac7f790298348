// A client that is killed in the middle: sends noise of a file to the server and
// tells its parent the upload's address and how far it is.
import { readFileSync } from "node:fs";
import { Upload } from "tus-js-client";

const { endpoint, headers, metadata, path } = JSON.parse(process.env.TUS);
const upload = new Upload(readFileSync(path), {
  endpoint,
  headers,
  metadata,
  chunkSize: 3_000_000,
  onUploadUrlAvailable: () => console.log(upload.url),
  onChunkComplete: () => console.log("chunk"),
});
upload.start();
