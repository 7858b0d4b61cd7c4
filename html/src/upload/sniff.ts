/** How much of a file decides whether it is worth sending. */
export const SNIFF_BYTES = 132;

/**
 * Whether a file may hold DICOM: the mark after the preamble, a ZIP, or, as old files have no
 * preamble, a first element of group 0002 or 0008 (PS3.10 section 7.1). The server looks closer.
 */
export function mayHoldDicom(start: Uint8Array): boolean {
  const text = (from: number, length: number) => String.fromCharCode(...start.subarray(from, from + length));
  if (text(128, 4) === 'DICM' || text(0, 4) === 'PK\u0003\u0004') return true;
  if (start.length < 8) return false;
  const [a, b, c, d] = start as unknown as [number, number, number, number];
  const little = (a === 2 || a === 8) && b === 0 && d === 0;
  const big = a === 0 && (b === 2 || b === 8) && c === 0;
  return little || big;
}
