import { flushPromises, mount } from '@vue/test-utils';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { defineComponent } from 'vue';

import { useFetch } from '@/api/client';
import { linkTab } from '@/app/linkTab';
import { useSession } from '@/stores/session';
import { useLinkOpening } from '../opening';

interface Sent { call: string; bearer: string | null; body: unknown; credentials: RequestCredentials | undefined }
interface Reply { status?: number; body?: unknown; headers?: Record<string, string> }

const OPENING = { token: 'T', study: 'S', series: null, window: 'image', anonymised: true, download: false, mode: 'anonymised', expires_in: 900 };
const SESSION = { kind: 'link', csrf: '', expires_in: 900, login: '' };
const problem = (status: number, code: string, values = {}, headers = {}): Reply => ({ status, body: { code, message: code, values }, headers });
let sent: Sent[] = [];

/** The server answers openings one after another, the last for ever, and knows the session of the token. */
function serve(...openings: Reply[]): void {
  useFetch((input, init) => {
    const address = input as string;
    const body: unknown = init?.body ? JSON.parse(init.body as string) : null;
    sent.push({ call: `${init?.method} ${address}`, bearer: new Headers(init?.headers).get('Authorization'), body, credentials: init?.credentials });
    const answer: Reply = !address.endsWith('openings') ? { body: SESSION } : openings.length > 1 ? openings.shift()! : openings[0]!;
    return Promise.resolve(new Response(JSON.stringify(answer.body), { status: answer.status ?? 200, headers: answer.headers ?? {} }));
  });
}

function open() {
  let opening!: ReturnType<typeof useLinkOpening>;
  mount(defineComponent({ setup: () => ((opening = useLinkOpening()), () => null) }));
  return opening;
}

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  Object.assign(linkTab, { active: true, request: { link: 'A', deanonymization: 'B' }, opened: null });
});
afterEach(() => Object.assign(linkTab, { active: false, request: null, opened: null }));

describe('opening a link', () => {
  it('posts the secrets once, and goes on by the token', async () => {
    serve({ status: 201, body: OPENING });
    const { state } = open();
    await flushPromises();
    expect(state.value).toBe('ready');
    expect(sent.map(({ call, bearer }) => [call, bearer])).toEqual([['POST /v2/link-openings', null], ['GET /v2/session', 'Bearer T']]);
    expect(sent[0]!.body).toEqual({ link: 'A', deanonymization: 'B' });
    expect(sent[1]!.credentials).toBe('omit');
    expect(JSON.parse(sessionStorage.getItem('webviewer.link')!)).toMatchObject({ token: 'T', study: 'S' });
  });

  it('says that the link does not work, whatever the cause', async () => {
    serve(problem(404, 'link_invalid'));
    const { state } = open();
    await flushPromises();
    expect(state.value).toBe('invalid');
    expect(sessionStorage.getItem('webviewer.link')).toBeNull();
  });

  it('asks for a password until it is right', async () => {
    serve(problem(403, 'link_password', { wrong: 'false' }), problem(403, 'link_password', { wrong: 'true' }), { status: 201, body: OPENING });
    const { state, isWrong, enter } = open();
    await flushPromises();
    expect([state.value, isWrong.value]).toEqual(['password', false]);
    await enter('no');
    expect([state.value, isWrong.value]).toEqual(['password', true]);
    await enter('yes');
    expect(state.value).toBe('ready');
    const passwords = sent.filter(({ call }) => call.startsWith('POST')).map(({ body }) => (body as { password?: string }).password);
    expect(passwords).toEqual([undefined, 'no', 'yes']);
  });

  it('counts down and tries again by itself where no place is free', async () => {
    serve(problem(409, 'no_seat', {}, { 'Retry-After': '15' }), { status: 201, body: OPENING });
    const { state, wait } = open();
    await flushPromises();
    expect([state.value, wait.value]).toEqual(['full', 15]);
    await vi.advanceTimersByTimeAsync(14_000);
    expect([state.value, wait.value]).toEqual(['full', 1]);
    await vi.advanceTimersByTimeAsync(1_000);
    await flushPromises();
    expect(state.value).toBe('ready');
  });

  it('waits as long as it was told after too many attempts', async () => {
    serve(problem(429, 'throttled', {}, { 'Retry-After': '3' }), { status: 201, body: OPENING });
    const { state, wait } = open();
    await flushPromises();
    expect([state.value, wait.value]).toEqual(['throttled', 3]);
    await vi.advanceTimersByTimeAsync(3_000);
    await flushPromises();
    expect(state.value).toBe('ready');
  });

  it('forgets the token when the session has ended, and can open the link again', async () => {
    serve({ status: 201, body: OPENING });
    const { state, attempt, canOpenAgain } = open();
    await flushPromises();
    useSession().end();
    await flushPromises();
    expect([state.value, canOpenAgain, sessionStorage.getItem('webviewer.link')]).toEqual(['ended', true, null]);
    await attempt();
    expect(state.value).toBe('ready');
  });
});
