import { defineStore } from 'pinia';
import { computed, ref, shallowRef, watch } from 'vue';

import { getUpload, putPart } from '@/api/uploads';
import type { Collected } from '@/upload/collect';
import { digestInWorker } from '@/upload/digester';
import { UploadQueue, type Progress } from '@/upload/queue';
import { useSession } from './session';

const KEY = 'webviewer.upload';

/** An upload that the page did not finish: the browser cannot read the files again by itself. */
export interface Interrupted {
  files: number;
  finished: number;
}

function readInterrupted(): Interrupted | null {
  try {
    const content = JSON.parse(localStorage.getItem(KEY) ?? 'null') as Interrupted | null;
    return content && content.files > content.finished ? content : null;
  } catch {
    return null;
  }
}

function remember(progress: Progress | null): void {
  try {
    const going = progress && (progress.phase === 'sending' || progress.phase === 'paused');
    if (going) localStorage.setItem(KEY, JSON.stringify({ files: progress.files, finished: progress.finished }));
    else localStorage.removeItem(KEY);
  } catch {
    // Only the hint after a reload is lost.
  }
}

/** The upload of this page: it goes on while the user does other things. */
export const useUploads = defineStore('uploads', () => {
  const session = useSession();
  const progress = shallowRef<Progress | null>(null);
  const isOpen = ref(false);
  const isCollecting = ref(false);
  const interrupted = ref<Interrupted | null>(readInterrupted());
  /** Grows when studies may have changed in storage. */
  const revision = ref(0);
  let queue: UploadQueue | null = null;
  let digester: ReturnType<typeof digestInWorker> | null = null;

  const isBusy = computed(() => progress.value?.phase === 'sending' || progress.value?.phase === 'paused');

  function loggedIn(): Promise<void> {
    if (session.status === 'active') session.end();
    return new Promise((resolve) => {
      const stop = watch(
        () => session.status,
        (status) => {
          if (status !== 'active') return;
          stop();
          resolve();
        },
      );
    });
  }

  function show(next: Progress): void {
    const before = progress.value;
    progress.value = next;
    remember(next);
    if ((before?.studies.length ?? 0) !== next.studies.length || next.phase === 'done') revision.value += 1;
    if (next.phase !== 'done' && next.phase !== 'cancelled') return;
    digester?.stop();
    digester = queue = null;
  }

  /** Collect files and send them, after those that are being sent. */
  async function add(collecting: Collected | Promise<Collected>): Promise<void> {
    isOpen.value = isCollecting.value = true;
    interrupted.value = null;
    const { files, unreadable } = await collecting;
    isCollecting.value = false;
    if (files.length + unreadable.length === 0) return;
    if (!queue) {
      digester = digestInWorker();
      const server = { get: getUpload, put: putPart };
      const made = new UploadQueue({
        server,
        digest: digester.digest,
        // A cancelled queue may speak once more when another one is at work.
        progress: (next) => made === queue && show(next),
        loggedIn,
      });
      queue = made;
    }
    queue.add(files, unreadable);
  }

  /** Stop and forget everything. */
  function clear(): void {
    queue?.cancel();
    progress.value = null;
    interrupted.value = null;
    isOpen.value = false;
    remember(null);
  }

  addEventListener('beforeunload', (event) => {
    if (isBusy.value) event.preventDefault();
  });

  return {
    progress, isOpen, isCollecting, isBusy, interrupted, revision, add, clear,
    pause: () => queue?.pause(),
    go: () => queue?.go(),
    cancel: () => queue?.cancel(),
  };
});
