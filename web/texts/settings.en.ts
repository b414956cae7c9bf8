/** What the settings say; loaded with them. */
export const settingsEn = {
  heading: 'Settings',
  lead: 'They stay on this device.',
  language: 'Language',
  automatic: 'as the browser',
  unit: 'Distances in',
  theme: 'Appearance',
  themes: { system: 'as the device', light: 'light', dark: 'dark' },
  endpoints: 'Your own RPC endpoints',
  endpointsHint:
    'One address a line. All must serve the ledgers’ chain and agree on every answer. Two or more, run by different parties, and nobody can show you a chain of their own.',
  endpointsNone: 'None named: the operator’s own endpoint is asked, which is plainly said with the verdict.',
  endpointAddress: (line: string) => `Line ${line} is no http or https address.`,
  endpointInsecure: (line: string) => `Line ${line}: a page on https can’t ask an http endpoint.`,
  age: 'A verdict is green for at most',
  hours: 'hours',
  ageHint: 'after the time of the block that it rests on.',
  ageFault: 'Between 1 and 87,600 hours.',
  directory: 'Directory of ledgers',
  directoryHint: 'Written as chain:address. It is what makes a report’s list of ledgers complete.',
  directoryNone: 'None yet: the first one that a service names is kept.',
  directoryFault: 'Written as the chain’s number, a colon and 0x with 40 hexadecimal digits.',
  forget: 'Forget it',
  api: 'Service',
  apiHint: 'The address of the service that this page reads from. Empty: the host of the page itself.',
  apiFault: 'An address that begins with http:// or https://.',
  save: 'Save',
  saved: 'Saved.',
};

export type SettingsTexts = typeof settingsEn;
