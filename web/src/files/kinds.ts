// The kind of a file in words, from its name. Only for showing: the server
// decides what may be shown inline.

export type KindWord =
  | "folder"
  | "word"
  | "pdf"
  | "sheet"
  | "slides"
  | "archive"
  | "audio"
  | "video"
  | "picture"
  | "text"
  | "code"
  | "web"
  | "mail"
  | "other";

const table: [KindWord, string[]][] = [
  ["word", ["doc", "docx", "odt", "rtf", "pages"]],
  ["pdf", ["pdf"]],
  ["sheet", ["xls", "xlsx", "ods", "csv", "tsv", "numbers"]],
  ["slides", ["ppt", "pptx", "odp", "key"]],
  ["archive", ["zip", "tar", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar"]],
  ["audio", ["mp3", "m4a", "wav", "ogg", "oga", "flac", "aac", "opus"]],
  ["video", ["mp4", "m4v", "webm", "mov", "mkv", "avi", "ogv"]],
  ["picture", ["png", "jpg", "jpeg", "gif", "webp", "avif", "heic", "tif", "tiff", "bmp", "svg"]],
  ["text", ["txt", "md", "log", "ini", "conf", "yaml", "yml", "toml"]],
  ["code", ["go", "ts", "js", "py", "rs", "c", "h", "cpp", "java", "sh", "sql", "css", "json", "xml"]],
  ["web", ["html", "htm"]],
  ["mail", ["eml", "msg"]],
];

const words = new Map(table.flatMap(([word, ends]) => ends.map((end) => [end, word] as const)));

export function kindOf(node: { kind: "folder" | "file"; name: string }): KindWord {
  if (node.kind === "folder") return "folder";
  const dot = node.name.lastIndexOf(".");
  return (dot > 0 && words.get(node.name.slice(dot + 1).toLowerCase())) || "other";
}
