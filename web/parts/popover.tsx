import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Button, type ButtonProps } from './button.tsx'

export interface PopoverProps {
  button: Omit<ButtonProps, 'onClick' | 'isExpanded' | 'popup'>
  /** Name of what opens. */
  title: string
  isOpen: boolean
  onToggle: (isOpen: boolean) => void
  side?: 'left' | 'right'
  children: ComponentChildren
}

/** A button with something below it while it is open. Escape and a click elsewhere close it. */
export function Popover({ button, title, isOpen, onToggle, side = 'left', children }: PopoverProps) {
  const anchor = useRef<HTMLDivElement>(null)
  const opener = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (!isOpen) return undefined
    const beside = (event: PointerEvent): void => {
      if (event.target instanceof Node && !anchor.current?.contains(event.target)) onToggle(false)
    }
    document.addEventListener('pointerdown', beside)
    return () => document.removeEventListener('pointerdown', beside)
  }, [isOpen])
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || !isOpen) return
    event.preventDefault()
    event.stopPropagation()
    onToggle(false)
    opener.current?.focus()
  }
  return (
    <div class="popover-anchor" ref={anchor} onKeyDown={onKeyDown}>
      <Button {...button} innerRef={opener} isExpanded={isOpen} popup="dialog" onClick={() => onToggle(!isOpen)} />
      {isOpen && (
        <div class={`popover ${side}`} role="dialog" aria-label={title}>
          {children}
        </div>
      )}
    </div>
  )
}
