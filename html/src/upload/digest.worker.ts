import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

import { mayHoldDicom, SNIFF_BYTES } from './sniff';

export interface DigestRequest {
  id: number;
  file: File;
}

/** `digest` is null for what is no DICOM; `error` says that the file cannot be read. */
export type DigestAnswer = { id: number; digest: string | null } | { id: number; error: string };

/** The browser's own hash takes a file at once and exists on secure pages only. */
const WHOLE_BYTES = 64 * 1024 * 1024;
const SLICE_BYTES = 8 * 1024 * 1024;

const bytes = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer());

async function digest(file: File): Promise<string> {
  if (file.size <= WHOLE_BYTES && globalThis.crypto?.subtle) {
    return bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer())));
  }
  const hash = sha256.create();
  for (let offset = 0; offset < file.size; offset += SLICE_BYTES) {
    hash.update(await bytes(file.slice(offset, offset + SLICE_BYTES)));
  }
  return bytesToHex(hash.digest());
}

async function answer({ id, file }: DigestRequest): Promise<DigestAnswer> {
  try {
    const start = await bytes(file.slice(0, SNIFF_BYTES));
    return { id, digest: mayHoldDicom(start) ? await digest(file) : null };
  } catch (error) {
    return { id, error: error instanceof Error ? error.name : 'error' };
  }
}

addEventListener('message', (event: MessageEvent<DigestRequest>) => {
  void answer(event.data).then((result) => postMessage(result));
});
