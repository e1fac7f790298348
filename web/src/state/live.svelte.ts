// What assistive tools are told without moving the focus. The regions stand in
// App.svelte; a repeated text is told again because the node changes.
export const live = $state({ polite: "", assertive: "", turn: 0 });

export function announce(text: string, how: "polite" | "assertive" = "polite") {
  live.turn++;
  live[how] = text;
}
