// English, the language that the others are typed by. Words: person (not user),
// trash, administrator, sign in, e-mail address. No "please", "oops", "invalid".
import { account } from "./en-account";
import { files } from "./en-files";
import { pinned, recent } from "./en-again";

export const en = {
  locale: "en-GB",
  time: {
    today: (time: string) => `Today, ${time}`,
    yesterday: (time: string) => `Yesterday, ${time}`,
    todayInside: (time: string) => `today, ${time}`,
    yesterdayInside: (time: string) => `yesterday, ${time}`,
  },
  minutes: { one: "# minute", other: "# minutes" },
  seconds: { one: "# second", other: "# seconds" },
  pageTitle: (page: string, organisation: string) => `${page} · ${organisation}`,
  errorTitle: (title: string) => `Error: ${title}`,
  product: "Files",

  close: "Close",
  cancel: "Cancel",
  save: "Save",
  undo: "Undo",
  tryAgain: "Try again",
  show: "Show",
  copy: "Copy",
  copied: "Copied.",
  more: "More",
  error: "Error:",
  skip: "Skip to the content",
  loading: "Loading",
  slow: "Still loading. The server is slow to answer.",
  saved: "Saved.",
  notifications: "Messages",

  nav: {
    main: "Main",
    notices: "Notices",
    noticesNew: { one: "Notices, # not read", other: "Notices, # not read" },
    files: "My files",
    filesTab: "Files",
    shared: "Shared with me",
    sharedTab: "Shared",
    sharedNew: { one: "# new", other: "# new" },
    teams: "Team spaces",
    manageTeams: "All team spaces",
    groups: "Groups",
    recent: "Recent",
    pinned: "Pinned",
    allPinned: (n: string) => `All ${n} pinned`,
    find: "Search files and actions",
    trash: "Trash",
    links: "Links",
    requests: "File requests",
    activity: "Activity",
    everybodysLinks: "Links and requests",
    rules: "Rules of sharing",
    liveCount: { one: "# live", other: "# live" },
    settings: "Settings",
    security: "Security",
    administration: "Administration",
    invitations: "Invitations",
    people: "People",
    more: "More",
    account: "Your account",
    accountOf: (name: string) => `${name}, your account`,
    signOut: "Sign out",
    storage: "Your storage",
    storageUsed: (used: string) => `${used} used`,
    storageOf: (used: string, quota: string) => `${used} of ${quota}`,
    storageLeft: (left: string, quota: string) => `${left} left of ${quota}.`,
    storageFull: "Your storage is full. Delete something for ever, or ask your administrator for more room.",
    storageShare: (percent: string) => `${percent} of your storage is used`,
  },

  palette: {
    title: "Find or do",
    hint: "A name, a place or an act",
    doing: "Do",
    going: "Go to",
    finding: "In this folder",
    everywhere: "In all folders",
    recent: "Recent",
    all: "Show all results",
    nothing: (typed: string) => `Nothing matches “${typed}”.`,
  },

  role: {
    owner: "Owner",
    admin: "Administrator",
    auditor: "Auditor",
    member: "Member",
    guest: "Guest",
  },

  reach: {
    you: "Only you",
    people: { one: "# person", other: "# people" },
    link: "Anyone with a link",
    openFolder: {
      you: "Only you can open this folder",
      people: { one: "# person can open this folder", other: "# people can open this folder" },
      link: { one: "You and anyone with a link can open this folder", other: "# people and anyone with a link can open this folder" },
    },
    openFile: {
      you: "Only you can open this file",
      people: { one: "# person can open this file", other: "# people can open this file" },
      link: { one: "You and anyone with a link can open this file", other: "# people and anyone with a link can open this file" },
    },
  },

  days: { one: "# day", other: "# days" },
  offline: "You are offline. You can look at what is loaded. Uploads wait and go on by themselves.",
  reference: (ref: string) => `Reference ${ref}`,
  copyReference: (ref: string) => `Copy reference ${ref}`,

  notHere: {
    title: "This is not here, or you have no access to it.",
    hint: "Ask the person who gave you the address.",
    home: "Go to My files",
    homeSignedOut: "Go to the first page",
  },

  startFailed: {
    title: "The page could not be loaded.",
    hint: "The server did not answer as it should. Try again in a moment.",
  },

  area: {
    title: "This could not be loaded.",
    offline: "The server cannot be reached. Check your network.",
  },

  form: {
    problem: "There is a problem",
    noServer: "The server cannot be reached. Nothing was sent; what you typed is still here.",
  },

  again: {
    title: "Sign in again to go on",
    text: (email: string) => `Your session has ended. Nothing on this page is lost. Sign in as ${email}.`,
    button: "Sign in",
    later: "Not now",
  },

  // By the codes of the API. A missing one falls back on the server's sentence.
  problem: {
    offline: "The server cannot be reached. Check your network.",
    broken: "The server answered in a way this page does not understand.",
    internal: "Something went wrong on the server.",
    busy: "The server is busy. Try again in a moment.",
    not_found: "This is not here, or you have no access to it.",
    unauthenticated: "You are signed out. Sign in again.",
    forbidden: "You may not do this.",
    limited: "Too many tries. Wait a few minutes.",
    disk_full: "The disk of the server is full. Tell your administrator.",
    wrong_login: "E-mail address or password is not right.",
    account_disabled: "This account is turned off. Ask your administrator.",
    code_wrong: "That code is not right.",
    code_ended: "That code has ended. Send a new one.",
    token_ended: "This link does not work any more. Ask for a new e-mail.",
    password_short: "Use at least 12 characters.",
    password_long: "Use at most 256 characters.",
    password_common: "This password is known from stolen lists. Choose another.",
    email_invalid: "Type an e-mail address like name@example.com.",
    name_missing: "Type your name.",
    signup_closed: "You need an invitation to join. Ask your administrator.",
    setup_done: "This server is set up already. Sign in.",
    email_taken: "Somebody with this address has an account already.",
    invitations_off: "Nobody can join now, not by invitation either. Change who may join first.",
    last_owner: "You are the only owner. Make somebody else an owner first.",
    setup_code_wrong: "The setup code is not right. Open the newest address from the server's log.",
  },
  problemRoom: (need: string, left: string) => `Not enough space: this needs ${need}, ${left} are left.`,
  problemLimited: (wait: string) => `Too many tries. Wait ${wait}.`,

  account,
  files,
  find: {
    title: "Search",
    showInFolder: "Show in its folder",
  },
  recent,
  pinned,
};

export type Messages = typeof en;
