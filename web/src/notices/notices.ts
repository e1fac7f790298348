// What people are told, in words.
import type { Notice } from "../api/types";
import { fmt, iso } from "../i18n";
import { noticeWords } from "../i18n/notices";


/** Where a notice leads, if anywhere. */
export function leadsTo(n: Notice): string | undefined {
  if (n.kind === "new_sign_in") return "/security";
  if (n.kind === "group_given") return "/shared";
  if (!n.node) return undefined;
  if (n.node.kind === "folder") return `/files/${n.node.id}`;
  return n.node.parent_id ? `/files/${n.node.parent_id}?preview=${n.node.id}` : `/pinned?preview=${n.node.id}`;
}

/** A notice in a sentence, with names marked for <Rich>, and a second line. */
export function say(n: Notice): { text: string; more: string } {
  const words = noticeWords;
  const by = iso(n.by?.name || words.somebody);
  const what = iso(n.name || "");
  const more: string[] = [];
  let text = words.other;
  switch (n.kind) {
    case "share_given":
      text = words.shareGiven(by, what);
      if (n.role) more.push(words.may[n.role]);
      if (n.until) more.push(words.until(fmt.when(n.until)));
      break;
    case "share_ended":
      text = words.shareEnded(by, what);
      break;
    case "share_asked":
      text = words.shareAsked(by, what);
      if (n.role) more.push(words.has[n.role]);
      break;
    case "group_given":
      text = words.groupGiven(by, what);
      break;
    case "files_came":
      text = fmt.plural(n.files ?? 0, words.filesCame(iso(n.who ?? ""), iso(n.link ?? "")));
      more.push(fmt.size(n.bytes ?? 0), words.reference(n.ref ?? ""), words.typed);
      break;
    case "storage_low":
      text = n.name ? words.spaceLow(what, fmt.size(n.left ?? 0), fmt.size(n.of ?? 0)) : words.storageLow(fmt.size(n.left ?? 0), fmt.size(n.of ?? 0));
      break;
    case "link_opened":
      text = words.linkOpened(iso(n.link ?? ""), what);
      break;
    case "link_downloaded":
      text = words.linkDownloaded(iso(n.link ?? ""), what);
      break;
    case "link_refused":
      text = words.linkRefused(iso(n.link ?? ""), what);
      break;
    case "link_ending":
      text = words.linkEnding(iso(n.link ?? ""), what, fmt.whenInside(n.until ?? 0));
      break;
    case "new_sign_in":
      text = words.signIn(iso(n.device ?? ""));
      if (n.address) more.push(words.from(n.address));
      break;
  }
  if (n.who && n.kind !== "files_came") more.push(words.by(n.who));
  if (n.count > 1) more.push(fmt.plural(n.count, words.times));
  return { text, more: more.join(" · ") };
}
