// The rays of scene/ray_kernels.py for NVIDIA GPUs: the same samples, one thread for each pixel. Compiled at run time with
// -DVALUE=short or -DVALUE=float. Values lie slice by slice without gaps; all else is as there.

#define DRAWN 0
#define EMPTY 1
#define MIXED 255
#define FAR 1e30f

typedef unsigned char byte;

struct Volume {
    const VALUE *values;
    int slices, rows, columns;
};

struct Blocks {
    const byte *codes;
    int rows, columns;
    __device__ byte at(int k, int j, int i) const { return codes[((long long)k * rows + j) * columns + i]; }
};

struct Tops {
    const float *highest;
    int rows, columns;
    __device__ float at(int k, int j, int i) const { return highest[((long long)k * rows + j) * columns + i]; }
};

struct Mask {
    const byte *shown;
    const float *place;
    int slices, rows, columns;
};

struct Ray {
    float x, y, z, dx, dy, dz, rx, ry, rz, u, v;
    double start;
    int count;
};

__device__ static bool is_inside(float x, float y, float z, const Volume &a) {
    return x >= 0 && y >= 0 && z >= 0 && x < a.columns - 1 && y < a.rows - 1 && z < a.slices - 1;
}

__device__ static float inverse(float d) { return fabsf(d) > 1e-20f ? 1.0f / d : FAR; }

__device__ static Ray ray_of(int px, int py, const double *rays, const double *box, const Volume &a) {
    Ray ray;
    ray.count = -1;
    const double u = rays[16] + px * rays[12], v = rays[17] + py * rays[12];
    const double scale = rays[15] / sqrt(1.0 + (u * u + v * v) * rays[14] * rays[14]);
    double enter = rays[18], leave = 1e9, o[3], d[3];
    for (int n = 0; n < 3; n++) {
        const double across = u * rays[3 + n] + v * rays[6 + n];
        o[n] = rays[n] + rays[13] * across;
        d[n] = (rays[9 + n] + rays[14] * across) * scale;
        if (fabs(d[n]) < 1e-12) {
            if (o[n] < box[n] || o[n] > box[3 + n]) leave = enter - 1.0;
        } else {
            const double one = (box[n] - o[n]) / d[n], other = (box[3 + n] - o[n]) / d[n];
            enter = fmax(enter, fmin(one, other));
            leave = fmin(leave, fmax(one, other));
        }
    }
    if (!(enter <= leave)) return ray;
    double start = ceil(enter);
    int count = (int)(floor(leave) - start);
    ray.dx = (float)d[0], ray.dy = (float)d[1], ray.dz = (float)d[2];
    for (;; start += 1.0, count--) {
        ray.x = (float)(o[0] + start * d[0]), ray.y = (float)(o[1] + start * d[1]), ray.z = (float)(o[2] + start * d[2]);
        if (count < 0 || is_inside(ray.x, ray.y, ray.z, a)) break;
    }
    while (count >= 0 && !is_inside(ray.x + count * ray.dx, ray.y + count * ray.dy, ray.z + count * ray.dz, a)) count--;
    ray.rx = inverse(ray.dx), ray.ry = inverse(ray.dy), ray.rz = inverse(ray.dz);
    ray.u = (float)u, ray.v = (float)v, ray.start = start, ray.count = count;
    return ray;
}

// After how many steps a ray leaves the block of 1 << bits cells that it is in, and `spare` more around it.
__device__ static int steps_left(const Ray &ray, float x, float y, float z, int bits, int spare) {
    const int i = (int)x >> bits, j = (int)y >> bits, k = (int)z >> bits;
    const float a = ((float)((ray.dx >= 0 ? i + 1 + spare : i - spare) * (1 << bits)) - x) * ray.rx;
    const float b = ((float)((ray.dy >= 0 ? j + 1 + spare : j - spare) * (1 << bits)) - y) * ray.ry;
    const float c = ((float)((ray.dz >= 0 ? k + 1 + spare : k - spare) * (1 << bits)) - z) * ray.rz;
    return (int)fminf(fminf(a, b), fminf(c, 1e6f));
}

__device__ static float pair(const VALUE *at, float f) {
    const float p = at[0], q = at[1];
    return p + f * (q - p);
}

__device__ static float linear(const Volume &a, float x, float y, float z) {
    const int i = (int)x, j = (int)y, k = (int)z;
    const float fx = x - i, fy = y - j, fz = z - k;
    const VALUE *at = a.values + ((long long)k * a.rows + j) * a.columns + i;
    const VALUE *next = at + (long long)a.rows * a.columns;
    float one = pair(at, fx), two = pair(next, fx);
    one += fy * (pair(at + a.columns, fx) - one);
    two += fy * (pair(next + a.columns, fx) - two);
    return one + fz * (two - one);
}

// Twice the trilinear mean of central differences along columns, rows and slices.
__device__ static void gradient(const Volume &a, float x, float y, float z, float *g) {
    const int i = (int)x, j = (int)y, k = (int)z;
    const float fx = x - i, fy = y - j, fz = z - k;
    const long long slice = (long long)a.rows * a.columns;
    const int left = i > 0 ? 1 : 0, right = i + 2 < a.columns ? 2 : 1;
    const int above = j > 0 ? a.columns : 0, below = j + 2 < a.rows ? 2 * a.columns : a.columns;
    const VALUE *here = a.values + k * slice + (long long)j * a.columns + i;
    g[0] = g[1] = g[2] = 0;
    for (int n = 0; n < 2; n++) {
        const float weight = n ? fz : 1 - fz;
        const VALUE *p = here + n * slice, *q = p + a.columns;
        const float da = (float)p[1] - p[-left], dc = (float)q[1] - q[-left];
        const float ga = da + fx * (((float)p[right] - p[0]) - da), gc = dc + fx * (((float)q[right] - q[0]) - dc);
        g[0] += weight * (ga + fy * (gc - ga));
        const float ra = pair(p, fx), rc = pair(q, fx);
        const float upper = rc - pair(p - above, fx), lower = pair(p + below, fx) - ra;
        g[1] += weight * (upper + fy * (lower - upper));
        const int there = n ? (k + 2 < a.slices ? 2 : 1) : (k > 0 ? -1 : 0);
        const VALUE *beyond = here + there * slice;
        float outer = pair(beyond, fx);
        outer += fy * (pair(beyond + a.columns, fx) - outer);
        const float inner = ra + fy * (rc - ra);
        g[2] += n ? fz * outer + (1 - fz) * inner : -(1 - fz) * outer - fz * inner;
    }
}

__device__ static bool is_shown(const Mask &m, float x, float y, float z) {
    const float u = fminf(fmaxf(x * m.place[0] + m.place[3], 0), m.columns - 1.0f);
    const float v = fminf(fmaxf(y * m.place[1] + m.place[4], 0), m.rows - 1.0f);
    const float w = fminf(fmaxf(z * m.place[2] + m.place[5], 0), m.slices - 1.0f);
    const int i = (int)u, j = (int)v, k = (int)w;
    const int i1 = min(i + 1, m.columns - 1), j1 = min(j + 1, m.rows - 1), k1 = min(k + 1, m.slices - 1);
    float total = 0;
    for (int n = 0; n < 2; n++) {
        const byte *layer = m.shown + (long long)(n ? k1 : k) * m.rows * m.columns;
        const byte *p = layer + (long long)j * m.columns, *q = layer + (long long)j1 * m.columns;
        const float one = p[i] + (u - i) * ((float)p[i1] - p[i]), two = q[i] + (u - i) * ((float)q[i1] - q[i]);
        total += (one + (v - j) * (two - one)) * (n ? w - k : 1 - (w - k));
    }
    return total >= 127.5f;
}

__device__ static float between(const float *table, int size, float place) {
    place = fminf(fmaxf(place, 0), 1) * (size - 1);
    const int index = min((int)place, size - 2);
    return table[index] + (table[index + 1] - table[index]) * (place - index);
}

extern "C" __global__ void cast_composite(
    const VALUE *values, int slices, int rows, int columns, const byte *codes, int block_rows, int block_columns,
    const byte *mask, const float *place, int mask_slices, int mask_rows, int mask_columns, const float *table,
    int entries, const float *scale, const float *slopes, int slope_count, const float *light, const float *shine,
    int shine_count, const double *rays, const double *box, float enough, int width, int height, byte *out) {
    const int px = blockIdx.x * blockDim.x + threadIdx.x, py = blockIdx.y * blockDim.y + threadIdx.y;
    if (px >= width || py >= height) return;
    const Volume volume = {values, slices, rows, columns};
    const Blocks blocks = {codes, block_rows, block_columns};
    const Mask hidden = {mask, place, mask_slices, mask_rows, mask_columns};
    const Ray ray = ray_of(px, py, rays, box, volume);
    float red = 0, green = 0, blue = 0, alpha = 0;
    for (int q = 0; q <= ray.count;) {
        float x = ray.x + q * ray.dx, y = ray.y + q * ray.dy, z = ray.z + q * ray.dz;
        const int code = blocks.at((int)z >> 2, (int)y >> 2, (int)x >> 2);
        if (code >= EMPTY && code < MIXED) {
            q += steps_left(ray, x, y, z, 2, code - 1) + 1;
            continue;
        }
        const int end = min(ray.count, q + steps_left(ray, x, y, z, 2, 0));
        for (; q <= end; q++) {
            x = ray.x + q * ray.dx, y = ray.y + q * ray.dy, z = ray.z + q * ray.dz;
            const float value = (linear(volume, x, y, z) - scale[0]) * scale[1] + 0.5f;
            const float *entry = table + 4 * (int)fminf(fmaxf(value, 0), entries - 1.0f);
            float opacity = entry[3];
            if (opacity <= 0) continue;
            if (code == MIXED && !is_shown(hidden, x, y, z)) continue;
            float shade = 1, glint = 0;
            if (shine_count || slope_count) {
                float g[3];
                gradient(volume, x, y, z, g);
                const float nx = light[9] * g[0] + light[10] * g[1] + light[11] * g[2];
                const float ny = light[12] * g[0] + light[13] * g[1] + light[14] * g[2];
                const float nz = light[15] * g[0] + light[16] * g[1] + light[17] * g[2];
                const float length = sqrtf(nx * nx + ny * ny + nz * nz);
                if (slope_count) {
                    opacity *= between(slopes, slope_count, length * scale[2]);
                    if (opacity <= 0) continue;
                    opacity = 1 - powf(1 - opacity, (float)rays[15]);
                }
                if (shine_count && length > 1e-6f) {
                    const float ahead = (float)rays[14] * (nx * ray.u + ny * ray.v) + nz;
                    const float each = (ahead > 0 ? -1 : 1) / length;
                    const float lambert = (nx * light[3] + ny * light[4] + nz * light[5]) * each;
                    shade = light[0] + light[1] * fmaxf(lambert, 0);
                    const float half = (nx * light[6] + ny * light[7] + nz * light[8]) * each;
                    glint = light[2] * between(shine, shine_count, half);
                } else if (shine_count) {
                    shade = light[0] + light[1];
                }
            }
            const float weight = (1 - alpha) * opacity;
            red += weight * (shade * entry[0] + glint);
            green += weight * (shade * entry[1] + glint);
            blue += weight * (shade * entry[2] + glint);
            alpha += weight;
            if (alpha >= enough) {
                red /= alpha, green /= alpha, blue /= alpha;
                q = ray.count;
                break;
            }
        }
        if (alpha >= enough) break;
    }
    byte *pixel = out + 3 * ((long long)py * width + px);
    pixel[0] = (byte)(fminf(red, 1) * 255 + 0.5f);
    pixel[1] = (byte)(fminf(green, 1) * 255 + 0.5f);
    pixel[2] = (byte)(fminf(blue, 1) * 255 + 0.5f);
}

extern "C" __global__ void cast_extreme(
    const VALUE *values, int slices, int rows, int columns, const byte *codes, int block_rows, int block_columns,
    const byte *mask, const float *place, int mask_slices, int mask_rows, int mask_columns, const float *fine,
    const float *middle, int middle_rows, int middle_columns, const float *coarse, int coarse_rows, int coarse_columns,
    float sign, float floor, float ceiling, const double *rays, const double *box, int width, int height, float *out) {
    const int px = blockIdx.x * blockDim.x + threadIdx.x, py = blockIdx.y * blockDim.y + threadIdx.y;
    if (px >= width || py >= height) return;
    const Volume volume = {values, slices, rows, columns};
    const Blocks blocks = {codes, block_rows, block_columns};
    const Mask hidden = {mask, place, mask_slices, mask_rows, mask_columns};
    const Tops tops = {fine, block_rows, block_columns}, tops_16 = {middle, middle_rows, middle_columns};
    const Tops tops_64 = {coarse, coarse_rows, coarse_columns};
    const Ray ray = ray_of(px, py, rays, box, volume);
    float best = floor;
    for (int q = 0; q <= ray.count && best < ceiling;) {
        float x = ray.x + q * ray.dx, y = ray.y + q * ray.dy, z = ray.z + q * ray.dz;
        const int i = (int)x, j = (int)y, k = (int)z;
        if (tops.at(k >> 2, j >> 2, i >> 2) <= best) {
            const bool far = tops_16.at(k >> 4, j >> 4, i >> 4) <= best;
            const int bits = !far ? 2 : tops_64.at(k >> 6, j >> 6, i >> 6) <= best ? 6 : 4;
            q += steps_left(ray, x, y, z, bits, 0) + 1;
            continue;
        }
        const int code = blocks.at(k >> 2, j >> 2, i >> 2);
        const int end = min(ray.count, q + steps_left(ray, x, y, z, 2, 0));
        for (; q <= end; q++) {
            x = ray.x + q * ray.dx, y = ray.y + q * ray.dy, z = ray.z + q * ray.dz;
            const float value = sign * linear(volume, x, y, z);
            if (value > best && (code != MIXED || is_shown(hidden, x, y, z))) best = value;
        }
    }
    if (ray.count >= 0 && best > -1e38f) out[(long long)py * width + px] = sign * best;
}

extern "C" __global__ void cast_mean(
    const VALUE *values, int slices, int rows, int columns, const byte *codes, int block_rows, int block_columns,
    const byte *mask, const float *place, int mask_slices, int mask_rows, int mask_columns, float low, float high,
    const double *rays, const double *box, int width, int height, float *out) {
    const int px = blockIdx.x * blockDim.x + threadIdx.x, py = blockIdx.y * blockDim.y + threadIdx.y;
    if (px >= width || py >= height) return;
    const Volume volume = {values, slices, rows, columns};
    const Blocks blocks = {codes, block_rows, block_columns};
    const Mask hidden = {mask, place, mask_slices, mask_rows, mask_columns};
    const Ray ray = ray_of(px, py, rays, box, volume);
    float total = 0;
    int seen = 0;
    for (int q = 0; q <= ray.count;) {
        float x = ray.x + q * ray.dx, y = ray.y + q * ray.dy, z = ray.z + q * ray.dz;
        const int code = blocks.at((int)z >> 2, (int)y >> 2, (int)x >> 2);
        if (code >= EMPTY && code < MIXED) {
            q += steps_left(ray, x, y, z, 2, code - 1) + 1;
            continue;
        }
        const int end = min(ray.count, q + steps_left(ray, x, y, z, 2, 0));
        float part = 0;
        for (; q <= end; q++) {
            x = ray.x + q * ray.dx, y = ray.y + q * ray.dy, z = ray.z + q * ray.dz;
            const float value = linear(volume, x, y, z);
            if (value >= low && value <= high && (code != MIXED || is_shown(hidden, x, y, z))) part += value, seen++;
        }
        total += part;
    }
    if (seen > 0) out[(long long)py * width + px] = total / seen;
}
