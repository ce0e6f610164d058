let framed = false;

/** Starts watching for the page's next frame: what stands in the document then may have been seen. */
export function watchFrames(): void {
  if (!framed)
    globalThis.requestAnimationFrame?.(() => {
      framed = true;
    });
}

/**
 * Whether the reader may have seen content. The browser reports its first paint some milliseconds late, so a frame since the
 * package's first use counts, too.
 */
export function hasPainted(): boolean {
  // A page for tests paints nothing, and has no list of it.
  return framed || performance.getEntriesByName?.("first-contentful-paint").length > 0;
}
