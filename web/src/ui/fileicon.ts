// Which of the few file looks a name has: three letters and one colour.
const looks: Record<string, string[]> = {
  pdf: ["pdf"],
  doc: ["doc", "docx", "odt", "rtf", "txt", "md", "pages"],
  xls: ["xls", "xlsx", "ods", "csv", "numbers"],
  zip: ["zip", "7z", "rar", "gz", "tgz", "bz2", "xz", "zst", "tar"],
  aud: ["mp3", "m4a", "wav", "flac", "ogg", "opus", "aac"],
  img: ["png", "jpg", "jpeg", "gif", "webp", "avif", "svg", "heic", "tif", "tiff", "bmp", "mp4", "webm", "mov", "mkv"],
};

const lookOf = new Map(Object.entries(looks).flatMap(([look, ends]) => ends.map((end) => [end, look] as const)));

// Long ends by the three letters that people know.
const short = new Map([["jpeg", "JPG"], ["tiff", "TIF"], ["docx", "DOC"], ["xlsx", "XLS"], ["pptx", "PPT"], ["html", "HTM"]]);

/** The letters on a file's icon (at most four, "" when the name has no fitting end) and its colour class. */
export function fileLook(name: string): { letters: string; look: string } {
  const end = /\.([a-z0-9]{1,4})$/i.exec(name)?.[1]?.toLowerCase() ?? "";
  const letters = short.get(end) ?? end.toUpperCase();
  return { letters, look: lookOf.get(end) ?? "" };
}
