import { beforeEach, describe, expect, it } from 'vitest';

import { findLink, keepLink, linkRequest, type OpenedLink } from '@/app/linkTab';

const OPENED: OpenedLink = { token: 'T', study: 'S', series: null, anonymised: true, download: false, mode: 'anonymised' };
const ask = (query: string) => linkRequest(new URLSearchParams(query));

describe('what an address says of a link', () => {
  it('is its secrets, as far as they are there', () => {
    expect(ask('link=A')).toEqual({ link: 'A' });
    expect(ask('link=A&deanonymization=B&download=C')).toEqual({ link: 'A', deanonymization: 'B', download: 'C' });
    expect(ask('deanonymization=B&download=C')).toBeNull();
  });

  it('or a study by parameters, but never one of the own list', () => {
    expect(ask('user=ivan&studyUid=1.2&other=x')).toEqual({ parameters: { user: 'ivan', studyUid: '1.2' } });
    expect(ask('s=abc&user=ivan')).toBeNull();
    expect(ask('series=1')).toBeNull();
  });
});

describe('a tab', () => {
  const find = (path: string) => findLink(`https://viewer.example.org/apps/${path}`, '/apps/');

  beforeEach(() => keepLink(OPENED));

  it('is one of a link where the viewer is opened by one', () => {
    expect(find('viewer/mpr?link=A')).toEqual({ active: true, request: { link: 'A' }, opened: null });
    expect(find('viewer/image/?link=A').active).toBe(true);
    expect(find('login?link=A').active).toBe(false);
  });

  it('stays one when it is loaded again', () => {
    expect(find('viewer/3d')).toEqual({ active: true, request: null, opened: OPENED });
  });

  it('is none where its user opens a study of his, or goes elsewhere', () => {
    expect(find('viewer/image?s=abc').active).toBe(false);
    expect(find('').active).toBe(false);
  });

  it('is none any more when the link has ended', () => {
    keepLink(null);
    expect(find('viewer/image').active).toBe(false);
  });
});
