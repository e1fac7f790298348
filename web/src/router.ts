// All addresses of the app. The router library stays behind this file.
import { createRouter, type Hooks } from "sv-router";
import Shell from "./frame/Shell.svelte";
import { session } from "./state/session.svelte";

declare module "sv-router" {
  interface RouteMeta {
    /**
     * Who a page is for. "member": signed-in people, inside the frame with the
     * side bar. "visitor": people who are signed out; signed-in ones go to their
     * files. "anybody": both, without the frame.
     */
    for?: "member" | "visitor" | "anybody";
  }
}

const guard: Hooks = {
  async beforeLoad({ meta, pathname }) {
    await session.ready();
    if (session.problem) return; // the shell says so and offers another try
    const setup = session.instance?.setup_needed;
    if (setup && pathname !== "/setup") throw await navigate("/setup", { replace: true });
    if (pathname === "/") throw await navigate(session.me ? "/files" : "/sign-in", { replace: true });
    if (meta.for === "member" && !session.me) {
      throw await navigate("/sign-in", { replace: true, search: pathname === "/files" ? {} : { next: pathname } });
    }
    if (meta.for === "visitor" && session.me) throw await navigate("/files", { replace: true });
  },
};

const member = { for: "member" } as const;
const visitor = { for: "visitor" } as const;
const anybody = { for: "anybody" } as const;

export const { p, navigate, isActive, route, preload } = createRouter({
  layout: Shell,
  hooks: guard,
  "/": () => import("./frame/Blank.svelte"), // the guard sends everybody on
  "/sign-in": { "/": () => import("./account/SignIn.svelte"), meta: visitor },
  "/create-account": { "/": () => import("./account/CreateAccount.svelte"), meta: visitor },
  "/check-email": { "/": () => import("./account/CheckEmail.svelte"), meta: visitor },
  "/forgot": { "/": () => import("./account/Forgot.svelte"), meta: visitor },
  "/confirm": { "/": () => import("./account/Confirm.svelte"), meta: anybody },
  "/reset": { "/": () => import("./account/Reset.svelte"), meta: anybody },
  "/invitation": { "/": () => import("./account/Invited.svelte"), meta: anybody },
  "/setup": { "/": () => import("./account/Setup.svelte"), meta: anybody },

  "/files": {
    "/": () => import("./files/FilesPage.svelte"),
    "/:id": () => import("./files/FilesPage.svelte"),
    meta: member,
  },
  "/open": { "/:id": () => import("./share/OpenPage.svelte"), meta: member },
  "/shared": { "/": () => import("./share/SharedPage.svelte"), meta: member },
  "/teams": { "/": () => import("./share/TeamsPage.svelte"), meta: member },
  "/groups": { "/": () => import("./share/GroupsPage.svelte"), meta: member },
  "/search": { "/": () => import("./files/SearchPage.svelte"), meta: member },
  "/recent": { "/": () => import("./files/RecentPage.svelte"), meta: member },
  "/pinned": { "/": () => import("./files/PinnedPage.svelte"), meta: member },
  "/trash": { "/": () => import("./files/TrashPage.svelte"), meta: member },
  "/security": { "/": () => import("./account/Security.svelte"), meta: member },
  "/settings": { "/": () => import("./account/Settings.svelte"), meta: member },
  "/activity": { "/": () => import("./activity/ActivityPage.svelte"), meta: member },
  "/links": { "/": () => import("./links/LinksPage.svelte"), meta: member },
  "/requests": { "/": () => import("./links/RequestsPage.svelte"), meta: member },
  "/sharing": { "/": () => import("./links/EverybodyPage.svelte"), meta: member },
  "/rules": { "/": () => import("./links/PolicyPage.svelte"), meta: member },
  "/notices": { "/": () => import("./notices/NoticesPage.svelte"), meta: member },
  "/people": { "/": () => import("./people/PeoplePage.svelte"), meta: member },
  "/invitations": { "/": () => import("./account/Invitations.svelte"), meta: member },
  "/more": { "/": () => import("./account/More.svelte"), meta: member },
  "*": () => import("./frame/NotHere.svelte"),
});

// Links opened with a modifier key or another mouse button belong to the
// browser; the router's own listener, on window, would take them.
if (typeof document !== "undefined") {
  document.addEventListener("click", (e) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) e.stopPropagation();
  });
}
