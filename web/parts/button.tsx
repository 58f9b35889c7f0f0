import type { ComponentChildren, Ref } from 'preact'
import { Icon, type IconName } from './icon.tsx'

export interface ButtonProps {
  children?: ComponentChildren
  onClick: (event: MouseEvent) => void
  icon?: IconName
  kind?: 'plain' | 'primary' | 'danger' | 'quiet'
  /** The name where only the icon shows, and the tooltip. */
  label?: string
  isSmall?: boolean
  isDisabled?: boolean
  /** For a switch: whether it is on. */
  isPressed?: boolean
  isExpanded?: boolean
  popup?: 'dialog' | 'listbox' | 'menu'
  class?: string
  innerRef?: Ref<HTMLButtonElement>
}

export function Button({ children, onClick, icon, kind = 'plain', label, isSmall, isDisabled, ...rest }: ButtonProps) {
  const classes = ['button', kind, isSmall && 'small', children === undefined && 'icon-only', rest.class]
  return (
    <button
      type="button"
      ref={rest.innerRef ?? null}
      class={classes.filter(Boolean).join(' ')}
      onClick={onClick}
      disabled={isDisabled ?? false}
      title={label}
      aria-label={children === undefined ? label : undefined}
      aria-pressed={rest.isPressed}
      aria-expanded={rest.isExpanded}
      aria-haspopup={rest.popup}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  )
}
