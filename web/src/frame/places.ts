import type { Power } from "../api/types";
import { t } from "../i18n";
import type { IconName } from "../ui/icons";

export interface Place {
  id: string;
  href: string;
  icon: IconName;
  label: string;
  /** Its word among the tabs on phones; without one it is under More. */
  tab?: string;
}

/** Where the side bar and the tabs lead. Only what exists. */
export const places: readonly Place[] = [
  { id: "files", href: "/files", icon: "files", label: t.nav.files, tab: t.nav.filesTab },
  { id: "shared", href: "/shared", icon: "users", label: t.nav.shared, tab: t.nav.sharedTab },
  { id: "recent", href: "/recent", icon: "clock", label: t.nav.recent },
  { id: "links", href: "/links", icon: "link", label: t.nav.links, tab: t.nav.links },
  { id: "requests", href: "/requests", icon: "inbox", label: t.nav.requests },
  { id: "activity", href: "/activity", icon: "activity", label: t.nav.activity, tab: t.nav.activity },
  { id: "trash", href: "/trash", icon: "trash", label: t.nav.trash },
];

/** Stands in the side bar as what is in it; a page of its own on phones. */
export const pinnedPlace: Place = { id: "pinned", href: "/pinned", icon: "pin", label: t.nav.pinned };

/** In the side bar a heading of its own, with the spaces one is in. */
export const teamsPlace: Place = { id: "teams", href: "/teams", icon: "team", label: t.nav.teams };
export const groupsPlace: Place = { id: "groups", href: "/groups", icon: "users", label: t.nav.groups };

/** Places of people who look after others; under a heading of their own. */
export const adminPlaces: readonly (Place & { power: Power })[] = [
  { id: "people", href: "/people", icon: "users", label: t.nav.people, power: "read_people" },
  { id: "groups", href: "/groups", icon: "users", label: t.nav.groups, power: "manage_people" },
  { id: "sharing", href: "/sharing", icon: "link", label: t.nav.everybodysLinks, power: "read_people" },
  { id: "rules", href: "/rules", icon: "shield", label: t.nav.rules, power: "set_policy" },
  { id: "invitations", href: "/invitations", icon: "mail", label: t.nav.invitations, power: "manage_people" },
];

/** The first part of an address names its place. */
export function placeOf(pathname: string): string {
  return pathname.split("/")[1] ?? "";
}
