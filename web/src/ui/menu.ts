import type { IconName } from "./icons";

/** One line of a menu; "line" draws a hairline. */
export type MenuItem =
  | "line"
  | {
      label: string;
      icon?: IconName;
      /** The key that does the same, as shown: "F2", "Del". */
      key?: string;
      danger?: boolean;
      /** Shown with a tick: one of several choices. */
      checked?: boolean;
      /** Either an address or an act. */
      href?: string;
      act?: () => unknown;
    };

/** A point on the page that a menu can hang on, e.g. of a right click. */
export interface Point {
  x: number;
  y: number;
}
