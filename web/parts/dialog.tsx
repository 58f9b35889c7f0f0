import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Button } from './button.tsx'

export interface DialogProps {
  title: string
  onClose: () => void
  children: ComponentChildren
  /** Buttons below. */
  foot?: ComponentChildren
  /** Without the line with the title, which is then only the name. */
  isBare?: boolean
  class?: string
}

/** Over everything, with the focus inside; Escape and a click beside it close it. Rendered while it is open. */
export function Dialog({ title, onClose, children, foot, isBare = false, ...rest }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const before = document.activeElement
    element.current?.showModal()
    return () => {
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={element}
      class={`dialog ${rest.class ?? ''}`}
      aria-label={title}
      onClose={onClose}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onClick={(event) => {
        if (event.target === element.current) onClose()
      }}
    >
      {!isBare && (
        <div class="dialog-head">
          <h2>{title}</h2>
          <Button kind="quiet" icon="close" label="Close" onClick={onClose} />
        </div>
      )}
      <div class={isBare ? '' : 'dialog-body'}>{children}</div>
      {foot && <div class="dialog-foot">{foot}</div>}
    </dialog>
  )
}
