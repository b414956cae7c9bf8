import { VinculumError } from '../errors.ts';

/*
 * Where a part was scanned, as coarsely as it is kept: a country, or a cell of one degree. No finer place is taken, so none
 * can be lost.
 */

/** A country by its ISO 3166-1 code, or the cell whose south-west corner is at these whole degrees (WGS 84). */
export type CoarsePlace =
  | { readonly country: string }
  | { readonly cell: { readonly latitude: number; readonly longitude: number } };

/**
 * The text that a place is kept under: `FR`, or `48,2`.
 * @throws `scan.place` for none
 */
export function formatPlace(place: CoarsePlace): string {
  if ('country' in place) {
    if (/^[A-Z]{2}$/.test(place.country)) return place.country;
    throw new VinculumError('scan.place', 'A country is named by two letters: FR, CN.');
  }
  const { latitude, longitude } = place.cell;
  const whole = Number.isInteger(latitude) && Number.isInteger(longitude);
  if (!whole || latitude < -90 || latitude > 89 || longitude < -180 || longitude > 179) {
    throw new VinculumError('scan.place', 'A cell is named by whole degrees, -90 to 89 and -180 to 179.');
  }
  return `${latitude},${longitude}`;
}

/** A place that was kept. @throws `scan.place` */
export function parsePlace(text: string): CoarsePlace {
  if (/^[A-Z]{2}$/.test(text)) return { country: text };
  const match = /^(-?\d{1,2}),(-?\d{1,3})$/.exec(text);
  if (match === null) throw new VinculumError('scan.place', 'This is neither a country nor a cell.');
  const place: CoarsePlace = { cell: { latitude: Number(match[1]), longitude: Number(match[2]) } };
  formatPlace(place);
  return place;
}

/** A circle on the earth that a place lies in: its middle in degrees, its radius in kilometres. */
type Circle = { readonly latitude: number; readonly longitude: number; readonly radius: number };

/** Half a diagonal of a cell at the equator, where it is largest, rounded up. */
const CELL_RADIUS_KM = 80;
const EARTH_RADIUS_KM = 6_371;

/**
 * Countries as circles that hold nearly all of their people: latitude, longitude, radius in kilometres. Rough on purpose:
 * what matters is that two places that may be near each other never seem far. Of a country that is not here, or one that
 * reaches around the world, nothing is concluded.
 */
const COUNTRIES = new Map<string, Circle>(
  (
    'AE 24 54 350|AF 34 66 750|AL 41 20 200|AM 40 45 200|AO -12 18 900|AR -35 -64 1900|AT 47.5 14 350|AU -27 134 2300|' +
    'AZ 40.5 48 300|BA 44 18 220|BD 24 90 400|BE 50.6 4.7 180|BG 42.7 25.3 300|BH 26 50.5 50|BO -17 -65 800|BR -10 -52 2400|' +
    'BY 53.5 28 400|CA 56 -96 3000|CH 46.8 8.2 220|CL -35 -71 2400|CM 6 12.5 700|CN 35 103 2900|CO 4 -73 1000|CR 10 -84 250|' +
    'CU 21.5 -79 650|CY 35 33 130|CZ 49.8 15.5 280|DE 51 10 480|DK 56 10.5 330|DO 19 -70.5 220|DZ 30 3 1200|EC -1.5 -78.5 450|' +
    'EE 58.7 25.5 230|EG 27 30 750|ES 40 -4 750|ET 9 39.5 850|FI 64 26 700|FR 46.6 2.5 620|GB 54.5 -3 700|GE 42 43.5 300|' +
    'GH 8 -1 400|GR 39 23 480|GT 15.5 -90.3 280|HK 22.3 114.2 40|HN 15 -86.5 320|HR 45 16.3 300|HU 47.2 19.4 270|ID -3 118 2700|' +
    'IE 53.3 -8 260|IL 31.5 35 260|IN 22 79 1800|IQ 33 44 550|IR 32.5 54 1150|IS 65 -18.5 330|IT 42.5 12.5 720|JM 18.1 -77.3 130|' +
    'JO 31.3 36.5 300|JP 36.5 138 1700|KE 0.5 38 600|KG 41.5 74.5 500|KH 12.5 105 330|KR 36 128 350|KW 29.3 47.7 130|KZ 48 67 1600|' +
    'LA 18.5 103.8 600|LB 33.9 35.8 120|LK 7.8 80.7 250|LT 55.2 23.9 230|LU 49.7 6.1 60|LV 56.9 24.9 260|LY 27 17 950|MA 31.5 -7 1100|' +
    'MD 47 28.5 220|ME 42.8 19.2 120|MG -19 46.7 850|MK 41.6 21.7 130|MM 20 96.5 1100|MN 46.8 103 1200|MT 35.9 14.4 30|MU -20.3 57.5 60|' +
    'MX 23.5 -102 1700|MY 4 109 1150|MZ -18 36 1150|NG 9.5 8 750|NI 13 -85 300|NL 52.2 5.4 190|NO 64.5 13 1050|NP 28.2 84 480|' +
    'NZ -41.5 173 950|OM 21 56 600|PA 8.5 -80 350|PE -9.5 -75.5 1150|PH 12 122 1050|PK 30 70 950|PL 52 19.3 430|PT 39.6 -8 330|' +
    'PY -23.3 -58 600|QA 25.3 51.2 110|RO 45.9 25 420|RS 44 20.8 280|RU 60 90 4500|SA 24 45 1250|SE 62 16 850|SG 1.35 103.8 40|' +
    'SI 46.1 14.8 150|SK 48.7 19.5 240|SN 14.5 -14.5 400|SV 13.7 -88.9 150|SY 35 38.5 430|TH 14 101 950|TN 34.5 9.5 450|TR 39 35 900|' +
    'TW 23.7 121 250|TZ -6.3 35 750|UA 48.8 31.5 800|UG 1.3 32.4 380|UY -32.8 -56 340|UZ 41.5 63.5 800|VE 7.5 -66 850|VN 16 106.5 950|' +
    'YE 15.5 47.5 650|ZA -29 25 950|ZM -13.5 28 800|ZW -19 29.8 480'
  )
    .split('|')
    .map((line) => {
      const [code = '', latitude, longitude, radius] = line.split(' ');
      return [
        code,
        { latitude: Number(latitude), longitude: Number(longitude), radius: Number(radius) },
      ] as const;
    }),
);

/** The countries of which something can be concluded, by their codes. */
export const knownCountries: readonly string[] = [...COUNTRIES.keys()];

function circleOf(place: CoarsePlace): Circle | null {
  if ('country' in place) return COUNTRIES.get(place.country) ?? null;
  const { latitude, longitude } = place.cell;
  return { latitude: latitude + 0.5, longitude: longitude + 0.5, radius: CELL_RADIUS_KM };
}

/** The least distance between two places, in kilometres: 0 where they may touch, or nothing is known of one. */
export function leastDistance(left: CoarsePlace, right: CoarsePlace): number {
  const [a, b] = [circleOf(left), circleOf(right)];
  if (a === null || b === null) return 0;
  return Math.max(0, greatCircle(a, b) - a.radius - b.radius);
}

function greatCircle(a: Circle, b: Circle): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const [phi, psi] = [radians(a.latitude), radians(b.latitude)];
  const half =
    Math.sin((psi - phi) / 2) ** 2 +
    Math.cos(phi) * Math.cos(psi) * Math.sin(radians(b.longitude - a.longitude) / 2) ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(half)));
}
