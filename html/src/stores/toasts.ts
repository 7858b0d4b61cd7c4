import { defineStore } from 'pinia';
import { ref } from 'vue';

export type ToastKind = 'success' | 'info' | 'warning' | 'error';

export interface Toast {
  id: number;
  kind: ToastKind;
  text: string;
}

const SHOWN_MS: Record<ToastKind, number> = { success: 4000, info: 6000, warning: 10000, error: 15000 };

/** Short messages at the foot of the page. Nothing that must be read is said here only. */
export const useToasts = defineStore('toasts', () => {
  const toasts = ref<Toast[]>([]);
  let last = 0;

  function close(id: number): void {
    toasts.value = toasts.value.filter((toast) => toast.id !== id);
  }

  function show(kind: ToastKind, text: string): void {
    const id = (last += 1);
    toasts.value = [...toasts.value.filter((toast) => toast.text !== text), { id, kind, text }].slice(-3);
    setTimeout(() => close(id), SHOWN_MS[kind]);
  }

  return { toasts, show, close };
});
