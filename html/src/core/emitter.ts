/** A typed event emitter: core tells, components listen. Handlers run synchronously, in order of subscription. */
export class Emitter<Events extends object> {
  private readonly handlers = new Map<keyof Events, Set<(value: never) => void>>();

  /** Subscribes and returns the function that ends the subscription. */
  on<K extends keyof Events>(name: K, handler: (value: Events[K]) => void): () => void {
    const set = this.handlers.get(name) ?? new Set();
    this.handlers.set(name, set);
    set.add(handler);
    return () => set.delete(handler);
  }

  emit<K extends keyof Events>(name: K, value: Events[K]): void {
    for (const handler of [...(this.handlers.get(name) ?? [])]) (handler as (value: Events[K]) => void)(value);
  }

  clear(): void {
    this.handlers.clear();
  }
}
