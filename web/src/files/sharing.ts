// The menu line that opens the share dialog.
import type { Node } from "../api/types";
import { t } from "../i18n";
import type { MenuItem } from "../ui/menu";

export function shareItem(n: Node, act: () => unknown): MenuItem {
  const manages = n.access === "manage" || n.access === "owner";
  return { label: manages ? t.files.shareMenu : t.files.seeAccess, icon: "share", key: "S", act };
}
