/** A promise that resolves when it is told to. */
export class Latch {
  #open: (() => void) | undefined
  readonly opened = new Promise<void>((resolve) => (this.#open = resolve))

  open(): void {
    this.#open?.()
  }
}
