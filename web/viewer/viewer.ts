// Draws a PDF that arrives by message. Runs in a sandbox without an origin and
// with a content policy that allows no connection, so nothing in the PDF can
// reach anything. pdf.js runs in this thread: a document without an origin may
// not start a worker.

import { getDocument, type PDFDocumentProxy } from "pdfjs-dist";
import * as worker from "pdfjs-dist/build/pdf.worker.mjs";

// pdf.js looks here for a worker that is loaded already.
(globalThis as { pdfjsWorker?: unknown }).pdfjsWorker = worker;

interface Order {
  data: ArrayBuffer;
  scheme: "light" | "dark";
  /** A page's name for assistive tools: "Page # of ##". */
  page: string;
}

const tell = (word: "ready" | "failed" | "escape"): void => parent.postMessage(word, "*");

async function show(order: Order): Promise<void> {
  document.documentElement.classList.toggle("dark", order.scheme === "dark");
  const pdf = await getDocument({ data: order.data, isEvalSupported: false, enableXfa: false, useWorkerFetch: false }).promise;
  const room = document.getElementById("pages") as HTMLElement;
  const drawn = new IntersectionObserver(
    (entries) => {
      for (const e of entries) {
        if (!e.isIntersecting) continue;
        drawn.unobserve(e.target);
        void draw(pdf, e.target as HTMLCanvasElement).catch(() => undefined);
      }
    },
    { rootMargin: "800px" },
  );
  const first = await pdf.getPage(1);
  const shape = first.getViewport({ scale: 1 });
  for (let n = 1; n <= pdf.numPages; n++) {
    const canvas = document.createElement("canvas");
    canvas.dataset.page = String(n);
    canvas.width = shape.width;
    canvas.height = shape.height;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", order.page.replace("##", String(pdf.numPages)).replace("#", String(n)));
    room.append(canvas);
    drawn.observe(canvas);
  }
}

async function draw(pdf: PDFDocumentProxy, canvas: HTMLCanvasElement): Promise<void> {
  const page = await pdf.getPage(Number(canvas.dataset.page));
  const wide = Math.min(document.documentElement.clientWidth - 32, 900);
  const scale = (wide / page.getViewport({ scale: 1 }).width) * Math.min(devicePixelRatio, 2);
  const viewport = page.getViewport({ scale });
  canvas.width = viewport.width;
  canvas.height = viewport.height;
  canvas.style.width = `${wide}px`;
  await page.render({ canvas, viewport }).promise;
}

addEventListener("message", (e: MessageEvent<Order>) => {
  if (e.source !== parent || !(e.data.data instanceof ArrayBuffer)) return;
  show(e.data).catch(() => tell("failed"));
});
addEventListener("keydown", (e) => {
  if (e.key === "Escape") tell("escape");
});
tell("ready");
