/** A file of the user's machine and how he calls it: its path below the chosen folder. */
export interface SourceFile {
  file: File;
  name: string;
}

const IGNORED = /(^|\/)(\.[^/]*|__MACOSX(\/.*)?|Thumbs\.db|desktop\.ini|DICOMDIR)$/i;
const MAX_NAME = 1024;

function source(file: File, name: string): SourceFile {
  return { file, name: name.replace(/^\/+/, '').slice(-MAX_NAME) };
}

/** What an `input` of files or of a folder holds. Files of the system's own and the DICOMDIR are left out. */
export function fromInput(list: Iterable<File>): SourceFile[] {
  return [...list].map((file) => source(file, file.webkitRelativePath || file.name)).filter(isWanted);
}

const isWanted = (item: SourceFile) => !IGNORED.test(item.name);

const fileOf = (entry: FileSystemFileEntry) => new Promise<File>((resolve, reject) => entry.file(resolve, reject));

async function children(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const found: FileSystemEntry[] = [];
  // A reader gives a folder piece by piece; an empty piece is the end.
  for (;;) {
    const piece = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (piece.length === 0) return found;
    found.push(...piece);
  }
}

async function walk(entry: FileSystemEntry, into: SourceFile[], unreadable: string[]): Promise<void> {
  try {
    if (entry.isFile) into.push(source(await fileOf(entry as FileSystemFileEntry), entry.fullPath));
    else for (const child of await children(entry as FileSystemDirectoryEntry)) await walk(child, into, unreadable);
  } catch {
    unreadable.push(entry.fullPath.replace(/^\/+/, ''));
  }
}

export interface Collected {
  files: SourceFile[];
  /** Paths that the browser could not read. */
  unreadable: string[];
}

/** What was dropped, folders with all that is in them. Must be called while the drop is handled. */
export async function fromDrop(transfer: DataTransfer): Promise<Collected> {
  // The list of items is emptied as soon as the handler returns: take the entries first.
  const items = [...transfer.items].filter((item) => item.kind === 'file');
  const entries = items.map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const loose = entries.length > 0 ? [] : [...transfer.files];
  const files: SourceFile[] = [];
  const unreadable: string[] = [];
  for (const entry of entries) await walk(entry, files, unreadable);
  return { files: [...files.filter(isWanted), ...fromInput(loose)], unreadable };
}
