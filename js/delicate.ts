import { fits, isCustom, keepsState, someWithin } from "./dom.js";

/** What starts over when it is taken out of the document and put back. */
const delicate = "iframe, frame, fencedframe, video, audio, object, embed";
/** The same, where the browser cannot move an element with its state. */
const open = "dialog[open], [popover]";

/**
 * Whether an element, or something in it, would start over, or do over what it did when it came, if it were moved: what plays, a frame, a custom
 * element that is not ready for it. Shadow trees count; into closed ones nothing can look, so they hold where `moveBefore` is missing.
 */
export function isDelicate(child: Element): boolean {
  const kept = keepsState();
  const among = `${kept ? delicate : `${delicate}, ${open}`}, [is]`;
  if (fits(child, among) || child.querySelector(among) !== null) return true;
  return someWithin(child, (inner) => {
    if (inner.shadowRoot?.querySelector?.(among)) return true;
    return isCustom(inner) && !(kept && ("connectedMoveCallback" in inner || !fits(inner, ":defined")));
  });
}
