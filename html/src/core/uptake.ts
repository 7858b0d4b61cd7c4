/** Whether PET values are standardised uptake values, by their unit. */
import type { Opened } from './wire';

const UPTAKE = /^(SUV|g\/ml$)/;

/** Whether a PET series has no values that its presets could go by. */
export function lacksUptake({ modality, unit }: Pick<Opened, 'modality' | 'unit'>): boolean {
  return modality === 'PT' && !UPTAKE.test(unit);
}
