import type { Picture } from './png.ts';

const WIDTH = 320;
const HEIGHT = 180;

/** What a camera might have seen: a car from the side, its paint, and where it is dented. */
export function drawCar(scene: { paint: number; damage?: number; night: boolean }): Picture {
  const pixels = new Uint8Array(WIDTH * HEIGHT * 3);
  const set = (x: number, y: number, colour: number): void => {
    if (x < 0 || y < 0 || x >= WIDTH || y >= HEIGHT) return;
    pixels.set([(colour >> 16) & 255, (colour >> 8) & 255, colour & 255], (y * WIDTH + x) * 3);
  };
  const rectangle = (x: number, y: number, width: number, height: number, colour: number): void => {
    for (let down = 0; down < height; down++)
      for (let across = 0; across < width; across++) set(x + across, y + down, colour);
  };
  const disc = (x: number, y: number, radius: number, colour: number): void => {
    for (let down = -radius; down <= radius; down++)
      for (let across = -radius; across <= radius; across++)
        if (down * down + across * across <= radius * radius) set(x + across, y + down, colour);
  };

  rectangle(0, 0, WIDTH, 130, scene.night ? 0x1b2433 : 0xcfe2f1);
  rectangle(0, 130, WIDTH, 50, scene.night ? 0x2a2a2c : 0x8b8d90);
  for (let x = 10; x < WIDTH; x += 60) rectangle(x, 158, 34, 4, 0xe8e4d8);
  // The cabin's sides lean: each row is a little wider than the one above.
  for (let row = 0; row < 36; row++) rectangle(112 - Math.floor(row / 2), 50 + row, 96 + row, 1, scene.paint);
  for (let row = 0; row < 24; row++)
    rectangle(118 - Math.floor(row / 2), 58 + row, 84 + row, 1, scene.night ? 0x0e141d : 0x3c5468);
  rectangle(156, 56, 6, 30, scene.paint);
  rectangle(54, 86, 212, 40, scene.paint);
  rectangle(46, 96, 8, 24, scene.paint);
  rectangle(266, 96, 8, 26, scene.paint);
  rectangle(46, 98, 7, 10, 0xfff3c0);
  rectangle(267, 98, 7, 10, 0xb3261e);
  rectangle(54, 108, 212, 2, 0x55585c);
  for (const x of [98, 222]) {
    disc(x, 126, 21, 0x17181a);
    disc(x, 126, 11, 0xb9bcc1);
  }
  if (scene.damage !== undefined) {
    const x = 58 + Math.round(scene.damage * 200);
    for (let step = 0; step < 9; step++) {
      disc(
        x + ((step * 7) % 19) - 9,
        98 + ((step * 5) % 23),
        3 + (step % 3),
        step % 2 === 0 ? 0x4a4c50 : 0x8a8d92,
      );
    }
  }
  return { width: WIDTH, height: HEIGHT, pixels };
}
