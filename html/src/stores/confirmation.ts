import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';

export interface Question {
  title: string;
  /** Names the object; one line each. */
  text: string;
  /** The button that goes on; default "Yes". */
  action?: string;
  danger?: boolean;
}

/** Asks before what cannot be undone. One question at a time; the focus starts on Cancel. */
export const useConfirmation = defineStore('confirmation', () => {
  const question = shallowRef<Question | null>(null);
  const isOpen = ref(false);
  let answer: (yes: boolean) => void = () => undefined;

  function ask(next: Question): Promise<boolean> {
    reply(false);
    question.value = next;
    isOpen.value = true;
    return new Promise((resolve) => (answer = resolve));
  }

  function reply(yes: boolean): void {
    isOpen.value = false;
    answer(yes);
    answer = () => undefined;
  }

  return { question, isOpen, ask, reply };
});
