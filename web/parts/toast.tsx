import { signal, type ReadonlySignal } from '@preact/signals'
import { Button } from './button.tsx'

export interface Toast {
  id: number
  text: string
  isBad: boolean
}

export interface Toasts {
  readonly shown: ReadonlySignal<readonly Toast[]>
  /** Says it for a few seconds. */
  say(text: string): void
  /** Says it until somebody closes it. */
  complain(text: string): void
  close(id: number): void
}

const SHOWN_MS = 4000
const TOASTS_MAX = 4

export function createToasts(): Toasts {
  const shown = signal<readonly Toast[]>([])
  let count = 0
  const close = (id: number): void => {
    shown.value = shown.value.filter((toast) => toast.id !== id)
  }
  const add = (text: string, isBad: boolean): number => {
    count += 1
    shown.value = [...shown.value, { id: count, text, isBad }].slice(-TOASTS_MAX)
    return count
  }
  return {
    shown,
    close,
    say(text) {
      const id = add(text, false)
      setTimeout(() => close(id), SHOWN_MS)
    },
    complain: (text) => void add(text, true),
  }
}

export function ToastList({ toasts }: { toasts: Toasts }) {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.shown.value.map(({ id, text, isBad }) => (
        <div key={id} class={isBad ? 'toast bad' : 'toast'}>
          <span>{text}</span>
          <Button kind="quiet" icon="close" label="Close this message" isSmall onClick={() => toasts.close(id)} />
        </div>
      ))}
    </div>
  )
}
