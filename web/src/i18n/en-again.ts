// Words of what is found again without a search: recent, pinned.
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
