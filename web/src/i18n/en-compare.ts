// Words of the comparison of two versions.
export const compare = {
  title: (name: string) => `Changes of “${name}”`,
  lead: (older: string, newer: string) => `From version ${older} to version ${newer}.`,
  same: "Both versions have the same text.",
  added: { one: "# line added", other: "# lines added" },
  removed: { one: "# line removed", other: "# lines removed" },
  plus: "Added:",
  minus: "Removed:",
  skipped: { one: "# line the same", other: "# lines the same" },
  label: "Lines that differ, with those around them",
  cut: "Only the first megabyte of each is compared.",
  tooMuch: "The two differ too much to compare line by line. Download both to compare them with another program.",
  failed: "The versions could not be read.",
};
