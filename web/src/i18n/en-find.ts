// Words of finding things again: search, recent, pinned.
import type { SearchKind } from "../api/types";

const kinds: Record<SearchKind, string> = {
  folder: "Folders",
  file: "Files",
  document: "Documents",
  pdf: "PDFs",
  sheet: "Spreadsheets",
  presentation: "Slides",
  picture: "Pictures",
  audio: "Audio",
  video: "Video",
  archive: "Archives",
};

export const find = {
  title: "Search",
  field: "Search by name",
  start: "Type a part of a name. Case and accents do not matter.",
  nothing: "Nothing matches. Check the spelling, or look in all folders.",
  nothingAnywhere: "Nothing matches. Check the spelling.",
  nothingFiltered: "Nothing matches. Check the spelling, or look for any kind, time and size.",
  everywhere: "Look in all folders",
  unfilter: "Clear filters",
  failed: "The search could not be done.",
  found: { one: "# result", other: "# results" },
  first: (n: string) => `The first ${n} results`,
  label: (q: string) => `Results for ${q}`,
  more: "Show more",
  selectAll: (n: string) => `Select all ${n}`,
  filters: "Filters",
  showInFolder: "Show in its folder",

  kind: "Kind",
  anyKind: "any",
  kinds,
  changed: "Changed",
  anyTime: "any time",
  times: { today: "today", week: "last 7 days", month: "last 30 days", year: "last 12 months" },
  size: "Size",
  anySize: "any",
  sizes: { small: "under 1 MB", medium: "1 to 100 MB", large: "over 100 MB" },
  folder: "Folder",
  allFolders: "all folders",
  thisFolder: "this folder",
  chooseFolder: "Choose a folder…",
  chooseTitle: "Look in a folder",
  chooseAct: (folder: string) => `Look in ${folder}`,
};

export const recent = {
  title: "Recent",
  empty: "Files you open or change show up here.",
  failed: "What was used last could not be loaded.",
  today: "Today",
  yesterday: "Yesterday",
  week: "This week",
  earlier: "Earlier",
  opened: "You opened it",
  changed: "You changed it",
  changedBy: (name: string) => `Changed by ${name}`,
};

export const pinned = {
  title: "Pinned",
  empty: "Nothing is pinned. Choose “Pin” in the menu of a file or folder, and it stands here and in the side bar.",
  failed: "What is pinned could not be loaded.",
  pin: "Pin",
  unpin: "Unpin",
  unpinOne: (name: string) => `Unpin ${name}`,
  done: (items: string) => `Pinned ${items}.`,
  undone: (items: string) => `Removed ${items} from pinned.`,
};
