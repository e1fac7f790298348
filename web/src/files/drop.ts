// Files and folders that a person dropped or chose, as a flat stream of files
// with the folders they were in. Knows the browser's entry API and nothing of
// uploads.

export interface Chosen {
  file: File;
  /** Folders from the dropped item down to the file, outermost first. */
  path: string[];
}

/** What was dropped: files, or folders that were empty (their path only). */
export interface Dropped {
  files: Chosen[];
  emptyFolders: string[][];
}

/** Whether a drag carries files from the desktop (not text, not a link). */
export function carriesFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/**
 * Reads a drop. Must be called while the event is being handled, because the
 * browser empties the list of items afterwards; the walk itself goes on later.
 */
export function readDrop(data: DataTransfer): Promise<Dropped> {
  const entries: FileSystemEntry[] = [];
  const loose: File[] = [];
  for (const item of data.items) {
    if (item.kind !== "file") continue;
    const entry = item.webkitGetAsEntry();
    if (entry) entries.push(entry);
    else {
      const file = item.getAsFile();
      if (file) loose.push(file);
    }
  }
  return walk(entries, loose);
}

async function walk(entries: FileSystemEntry[], loose: File[]): Promise<Dropped> {
  const out: Dropped = { files: loose.map((file) => ({ file, path: [] })), emptyFolders: [] };
  const waiting: { entry: FileSystemEntry; path: string[] }[] = entries.map((entry) => ({ entry, path: [] }));
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { entry, path } = next;
    if (entry.isFile) {
      out.files.push({ file: await fileOf(entry as FileSystemFileEntry), path });
      continue;
    }
    const children = await childrenOf(entry as FileSystemDirectoryEntry);
    const below = [...path, entry.name];
    if (children.length === 0) out.emptyFolders.push(below);
    for (const child of children) waiting.push({ entry: child, path: below });
  }
  return out;
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** A directory reader gives at most 100 entries a call, and [] at the end. */
async function childrenOf(entry: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = entry.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}

/** Files of an <input type=file>, with or without webkitdirectory. */
export function readInput(files: FileList): Dropped {
  return {
    files: [...files].map((file) => ({ file, path: file.webkitRelativePath.split("/").slice(0, -1) })),
    emptyFolders: [],
  };
}
