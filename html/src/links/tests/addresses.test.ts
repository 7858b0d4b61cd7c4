import { describe, expect, it } from 'vitest';

import { addressesOf } from '../kinds';
import { today, validUntil } from '../validity';

describe('addresses of a link', () => {
  it('name the window, and are only those that are allowed', () => {
    const queries = { anonymized_link_query: 'link=A', link_query: 'link=A&deanonymization=B', download_link_query: null, window: '3d', base: '' } as const;
    expect(addressesOf(queries, 'https://viewer.example.org/apps')).toEqual({
      anonymised: 'https://viewer.example.org/apps/viewer/3d?link=A',
      full: 'https://viewer.example.org/apps/viewer/3d?link=A&deanonymization=B',
      download: null,
    });
  });
});

describe('the validity of a link', () => {
  const now = new Date('2026-03-01T10:00:00Z');

  it('is without end, or so many days from now', () => {
    expect(validUntil('never', '', now)).toBeNull();
    expect(validUntil(7, '', now)).toBe('2026-03-08T10:00:00.000Z');
  });

  it('goes to the end of its last day, where the browser is', () => {
    const end = new Date(validUntil('date', today(now), now)!);
    expect([end.getHours(), end.getMinutes()]).toEqual([0, 0]);
    expect(end.getTime()).toBeGreaterThan(now.getTime());
    expect(end.getTime() - now.getTime()).toBeLessThanOrEqual(25 * 3600 * 1000);
  });
});
