import type { DigestAnswer, DigestRequest } from './digest.worker';

/** SHA-256 of a file in hex, or null if it is no DICOM. Rejects if it cannot be read. */
export type Digest = (file: File) => Promise<string | null>;

/** Look at files and hash them in a worker, which starts with the first file and ends with `stop`. */
export function digestInWorker(): { digest: Digest; stop: () => void } {
  const waiting = new Map<number, { resolve: (digest: string | null) => void; reject: (error: Error) => void }>();
  let worker: Worker | undefined;
  let last = 0;

  function start(): Worker {
    const made = new Worker(new URL('./digest.worker.ts', import.meta.url), { type: 'module' });
    made.onmessage = (event: MessageEvent<DigestAnswer>) => {
      const caller = waiting.get(event.data.id);
      waiting.delete(event.data.id);
      if ('error' in event.data) caller?.reject(new Error(event.data.error));
      else caller?.resolve(event.data.digest);
    };
    made.onerror = () => {
      waiting.forEach((caller) => caller.reject(new Error('worker')));
      waiting.clear();
    };
    return made;
  }

  return {
    digest(file) {
      worker ??= start();
      const id = (last += 1);
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        worker!.postMessage({ id, file } satisfies DigestRequest);
      });
    },
    stop() {
      worker?.terminate();
      worker = undefined;
      waiting.clear();
    },
  };
}
