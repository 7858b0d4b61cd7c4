/** From wheel events of mice and touch pads to notches. */

/** Touch pads send many small steps; this much of them is one notch. */
const PIXELS_PER_NOTCH = 30;
/** A mouse wheel jumps by more than this at once. */
const NOTCH_AT_LEAST = 48;
/** After such a pause a rest of the former movement is forgotten. */
const PAUSE_MS = 300;
const DOM_DELTA_PIXEL = 0;

export class WheelNotches {
  private rest = 0;
  private lastTime = -Infinity;

  /** Whole notches of this event; positive is towards the user (next slice). */
  add(delta: number, mode: number, time: number): number {
    if (time - this.lastTime > PAUSE_MS || Math.sign(delta) !== Math.sign(this.rest)) this.rest = 0;
    this.lastTime = time;
    if (delta === 0) return 0;
    if (mode !== DOM_DELTA_PIXEL || Math.abs(delta) >= NOTCH_AT_LEAST) return Math.sign(delta);
    this.rest += delta;
    const notches = Math.trunc(this.rest / PIXELS_PER_NOTCH);
    this.rest -= notches * PIXELS_PER_NOTCH;
    return notches + 0;
  }
}
