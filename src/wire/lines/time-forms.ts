import { TimePattern } from './time-pattern.ts'

/** One way in which programs write times at the begin of a line. */
export interface TimeForm {
  pattern: TimePattern
  /** What precedes it is no level or name but belongs to it: only the first word of a line can be it. */
  isFirstOnly: boolean
  /** Could be other numbers too: counts only in a line that has a level. */
  isAmbiguous: boolean
}

/** The forms that are recognised, those that say more before those that say less. */
export const TIME_FORMS: readonly TimeForm[] = [
  // RFC 3339 and ISO 8601, with a comma for the dot (Hadoop, Zookeeper, Python), or a space for the T (OpenStack, CBS).
  form('%Y-%m-%dT%T%E%O'),
  form('%Y-%m-%d %T%E%O'),
  form('%Y-%m-%d_%T%E%O'),
  form('%Y%m%dT%H%M%S%E%O'),
  // nginx's error log, Go's log package.
  form('%Y/%m/%d %T%E%O'),
  form('%Y.%m.%d %T%E%O'),
  // HealthApp.
  form('%Y%m%d-%T:%f'),
  // Common Log Format.
  form('%d/%b/%Y:%T %z'),
  // RFC 5322, ctime (Apache's error log) and date(1).
  form('%a, %d %b %Y %T%E %z'),
  form('%a %b %e %T%E %Y'),
  form('%a %b %e %T %Z %Y'),
  // java.util.logging, Cisco.
  form('%b %e, %Y %I:%M:%S %p'),
  form('%b %e, %Y %T%E'),
  form('%b %e %Y %T%E%O'),
  // RFC 3164.
  form('%b %e %T%E'),
  // Redis; Tomcat and BIND.
  form('%d %b %Y %T%E%O'),
  form('%d-%b-%Y %T%E%O'),
  form('%d/%b/%Y %T%E%O'),
  form('%d.%m.%Y %T%E'),
  // Android.
  form('%m-%d %T.%f %i %i %G', { isFirstOnly: true }),
  form('%m-%d %T.%f', { isFirstOnly: true }),
  // glog and klog.
  form('%G%m%d %T.%f', { isFirstOnly: true }),
  // Spark; MySQL; HDFS.
  form('%y/%m/%d %T%E', { isFirstOnly: true, isAmbiguous: true }),
  form('%y%m%d %T', { isFirstOnly: true, isAmbiguous: true }),
  form('%y%m%d %H%M%S', { isFirstOnly: true, isAmbiguous: true }),
  // Squid; BlueGene and Thunderbird; auditd.
  form('%s', { isFirstOnly: true }),
  form('- %s', { isFirstOnly: true }),
  form('msg=audit(%s:'),
]

function form(text: string, options: Partial<Omit<TimeForm, 'pattern'>> = {}): TimeForm {
  return { pattern: new TimePattern(text), isFirstOnly: false, isAmbiguous: false, ...options }
}
