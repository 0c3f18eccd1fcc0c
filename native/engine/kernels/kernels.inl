// The kernels, in vectors of kLanes floats. Each kernels_*.cc includes this file once, with its own compiler flags,
// inside a namespace of its own. Nothing from the standard library is used: the linker could keep an inline function
// that was compiled with these flags for the whole addon, and a CPU without the instructions would then crash in it.
//
// The including file defines kLanes, kRows (the rows of one product whose sums fit in the registers) and kName.

constexpr int64_t kBlock = 2 * kLanes;
static_assert(kBlock <= kMaxBlock);

// The vectors of a block are aligned to their size.
using Vector = float __attribute__((vector_size(4 * kLanes), may_alias));

inline Vector Load(const float* from) { return *reinterpret_cast<const Vector*>(from); }
inline void Store(float* to, Vector value) { *reinterpret_cast<Vector*>(to) = value; }

// The bits of a float16.
using Half = uint16_t;

// Converts finite halves: their bits, shifted to where those of a float32 are, are too small by the difference of the
// exponents' biases. Subnormal ones come out right, too.
inline __attribute__((always_inline)) Vector PortableLoadHalf(const Half* from) {
  using Integers = uint32_t __attribute__((vector_size(4 * kLanes)));
  Integers bits;
#pragma GCC unroll 16
  for (int64_t lane = 0; lane < kLanes; ++lane) bits[lane] = from[lane];
  constexpr float kBias = 0x1p112F;
  const Vector magnitude = reinterpret_cast<Vector>((bits & 0x7fffU) << 13) * kBias;
  return reinterpret_cast<Vector>(reinterpret_cast<Integers>(magnitude) | (bits & 0x8000U) << 16);
}

inline Vector LoadWeights(const float* from) { return Load(from); }
inline Vector LoadWeights(const Half* from) {
#if defined(__AVX512F__)
  // Plain _mm512_cvtph_ps() reads an uninitialized vector in the eyes of GCC 12.
  constexpr __mmask16 kAll = 0xffff;
  return reinterpret_cast<Vector>(_mm512_maskz_cvtph_ps(kAll, *reinterpret_cast<const __m256i*>(from)));
#elif defined(__F16C__)
  return reinterpret_cast<Vector>(_mm256_cvtph_ps(*reinterpret_cast<const __m128i*>(from)));
#else
  return PortableLoadHalf(from);
#endif
}

// NaN stays NaN, as in PyTorch.
inline Vector Relu(Vector value) { return value < 0 ? Vector{} : value; }

// a where it is larger or NaN, else b.
inline Vector Max(Vector a, Vector b) { return (a > b) | (a != a) ? a : b; }

// Rows of a panel that are fetched ahead: weights that come from memory arrive in time, and are not yet evicted again.
// Measured for ResNet-18 with one image: 10 % of the time of the whole network.
constexpr int64_t kPrefetchedRows = 24;

template <int64_t R, class Weight>
inline __attribute__((always_inline)) void Accumulate(const RowsArguments& arguments, Vector (&sum)[R][2]) {
  const auto [a, lda, offsets, segments, length, panel, c, ldc] = arguments;
#pragma GCC unroll 16
  for (int64_t r = 0; r < R; ++r) sum[r][0] = sum[r][1] = Vector{};
  const Weight* b = static_cast<const Weight*>(panel.data);
  for (int64_t s = 0; s < segments; ++s) {
    const float* row = a + offsets[s];
    for (int64_t k = 0; k < length; ++k) {
      const Vector b0 = LoadWeights(b);
      const Vector b1 = LoadWeights(b + kLanes);
      __builtin_prefetch(b + kPrefetchedRows * kBlock);
      if constexpr (sizeof(Weight) == 4) __builtin_prefetch(b + kPrefetchedRows * kBlock + kLanes);
      b += kBlock;
#pragma GCC unroll 16
      for (int64_t r = 0; r < R; ++r) {
        const float x = row[r * lda + k];
        sum[r][0] += x * b0;
        sum[r][1] += x * b1;
      }
    }
  }
}

// `c` is passed by value: for all that the compiler knows, the stores could change the arguments in memory.
template <int64_t R>
inline __attribute__((always_inline)) void StoreRows(const Vector (&sum)[R][2], float* c, int64_t ldc) {
#pragma GCC unroll 16
  for (int64_t r = 0; r < R; ++r) {
    Store(c + r * ldc, sum[r][0]);
    Store(c + r * ldc + kLanes, sum[r][1]);
  }
}

template <int64_t R, class Weight>
__attribute__((noinline)) void Rows(const RowsArguments& arguments) {
  Vector sum[R][2];
  Accumulate<R, Weight>(arguments, sum);
  StoreRows<R>(sum, arguments.c, arguments.ldc);
}

template <int64_t R, class Weight>
__attribute__((noinline)) void RowsEpilogue(const RowsArguments& arguments, const Epilogue& epilogue) {
  Vector sum[R][2];
  Accumulate<R, Weight>(arguments, sum);
  const Vector scale0 = Load(epilogue.scale);
  const Vector scale1 = Load(epilogue.scale + kLanes);
  const Vector bias0 = Load(epilogue.bias);
  const Vector bias1 = Load(epilogue.bias + kLanes);
#pragma GCC unroll 16
  for (int64_t r = 0; r < R; ++r) {
    sum[r][0] = sum[r][0] * scale0 + bias0;
    sum[r][1] = sum[r][1] * scale1 + bias1;
  }
  const int64_t ldc = arguments.ldc;
  if (const float* const residual = epilogue.residual; residual != nullptr) {
#pragma GCC unroll 16
    for (int64_t r = 0; r < R; ++r) {
      sum[r][0] += Load(residual + r * ldc);
      sum[r][1] += Load(residual + r * ldc + kLanes);
    }
  }
  if (epilogue.relu) {
#pragma GCC unroll 16
    for (int64_t r = 0; r < R; ++r) {
      sum[r][0] = Relu(sum[r][0]);
      sum[r][1] = Relu(sum[r][1]);
    }
  }
  StoreRows<R>(sum, arguments.c, ldc);
}

// Calls the product that is compiled for `rows` rows and the type of the weights.
template <int64_t R = kRows>
void RunRows(int64_t rows, const RowsArguments& arguments) {
  if (R == 1 || rows == R) return arguments.b.is_half ? Rows<R, Half>(arguments) : Rows<R, float>(arguments);
  if constexpr (R > 1) RunRows<R - 1>(rows, arguments);
}

template <int64_t R = kRows>
void RunRowsEpilogue(int64_t rows, const RowsArguments& arguments, const Epilogue& epilogue) {
  if (R == 1 || rows == R) {
    return arguments.b.is_half ? RowsEpilogue<R, Half>(arguments, epilogue)
                               : RowsEpilogue<R, float>(arguments, epilogue);
  }
  if constexpr (R > 1) RunRowsEpilogue<R - 1>(rows, arguments, epilogue);
}

// F(2 x 2, 3 x 3): points 0, 1, -1 and infinity.
struct Winograd2 {
  static constexpr int64_t kTile = 4;
  static constexpr int64_t kResults = 2;

  // B^T d
  static inline __attribute__((always_inline)) void Input(const Vector (&d)[4], Vector (&out)[4]) {
    out[0] = d[0] - d[2];
    out[1] = d[1] + d[2];
    out[2] = d[2] - d[1];
    out[3] = d[1] - d[3];
  }
  // A^T m
  static inline __attribute__((always_inline)) void Output(const Vector (&m)[4], Vector (&out)[2]) {
    out[0] = m[0] + m[1] + m[2];
    out[1] = m[1] - m[2] - m[3];
  }
};

// F(4 x 4, 3 x 3): points 0, 1, -1, 2, -2 and infinity.
struct Winograd4 {
  static constexpr int64_t kTile = 6;
  static constexpr int64_t kResults = 4;

  static inline __attribute__((always_inline)) void Input(const Vector (&d)[6], Vector (&out)[6]) {
    const Vector even = d[4] - 4 * d[2];
    const Vector odd = d[3] - 4 * d[1];
    const Vector even2 = d[4] - d[2];
    const Vector odd2 = 2 * (d[3] - d[1]);
    out[0] = 4 * d[0] - 5 * d[2] + d[4];
    out[1] = even + odd;
    out[2] = even - odd;
    out[3] = even2 + odd2;
    out[4] = even2 - odd2;
    out[5] = 4 * d[1] - 5 * d[3] + d[5];
  }
  static inline __attribute__((always_inline)) void Output(const Vector (&m)[6], Vector (&out)[4]) {
    const Vector sum1 = m[1] + m[2];
    const Vector difference1 = m[1] - m[2];
    const Vector sum2 = m[3] + m[4];
    const Vector difference2 = m[3] - m[4];
    out[0] = m[0] + sum1 + sum2;
    out[1] = difference1 + 2 * difference2;
    out[2] = sum1 + 4 * sum2;
    out[3] = difference1 + 8 * difference2 + m[5];
  }
};

template <class Form>
void RunTileInput(const TileInput& arguments) {
  constexpr int64_t kTile = Form::kTile;
  const auto [source, row_stride, pixel_stride, channels, target, position_stride] = arguments;
  for (int64_t c = 0; c < channels; c += kLanes) {
    Vector half[kTile][kTile];
#pragma GCC unroll 6
    for (int64_t x = 0; x < kTile; ++x) {
      Vector column[kTile];
#pragma GCC unroll 6
      for (int64_t y = 0; y < kTile; ++y) column[y] = Load(source + y * row_stride + x * pixel_stride + c);
      Vector result[kTile];
      Form::Input(column, result);
#pragma GCC unroll 6
      for (int64_t y = 0; y < kTile; ++y) half[y][x] = result[y];
    }
#pragma GCC unroll 6
    for (int64_t y = 0; y < kTile; ++y) {
      Vector result[kTile];
      Form::Input(half[y], result);
#pragma GCC unroll 6
      for (int64_t x = 0; x < kTile; ++x) Store(target + (y * kTile + x) * position_stride + c, result[x]);
    }
  }
}

template <class Form>
bool RunTileOutput(const TileOutput& arguments) {
  constexpr int64_t kTile = Form::kTile;
  constexpr int64_t kResults = Form::kResults;
  const auto& [source, position_stride, channels, target, row_stride, pixel_stride, rows, columns, epilogue] =
      arguments;
  Vector not_finite{};
  for (int64_t c = 0; c < channels; c += kLanes) {
    Vector half[kResults][kTile];
#pragma GCC unroll 6
    for (int64_t x = 0; x < kTile; ++x) {
      Vector column[kTile];
#pragma GCC unroll 6
      for (int64_t y = 0; y < kTile; ++y) column[y] = Load(source + (y * kTile + x) * position_stride + c);
      Vector result[kResults];
      Form::Output(column, result);
#pragma GCC unroll 4
      for (int64_t y = 0; y < kResults; ++y) half[y][x] = result[y];
    }
    const Vector scale = Load(epilogue.scale + c);
    const Vector bias = Load(epilogue.bias + c);
#pragma GCC unroll 4
    for (int64_t y = 0; y < kResults; ++y) {
      if (y >= rows) break;
      Vector result[kResults];
      Form::Output(half[y], result);
#pragma GCC unroll 4
      for (int64_t x = 0; x < kResults; ++x) {
        if (x >= columns) break;
        const int64_t at = y * row_stride + x * pixel_stride + c;
        Vector value = result[x] * scale + bias;
        if (epilogue.residual != nullptr) value += Load(epilogue.residual + at);
        not_finite += value - value;  // NaN from what is infinite or NaN, else 0.
        Store(target + at, epilogue.relu ? Relu(value) : value);
      }
    }
  }
  bool finite = true;
  for (int64_t lane = 0; lane < kLanes; ++lane) finite = finite && not_finite[lane] == 0;
  return finite;
}

void MaxWindows(const WindowArguments& arguments) {
  for (int64_t window = 0; window < arguments.windows; ++window) {
    const float* const first = arguments.source + window * arguments.step;
    float* const target = arguments.target + window * arguments.channels;
    for (int64_t c = 0; c < arguments.channels; c += kLanes) {
      Vector best = Load(first + c);
      for (int64_t y = 0; y < arguments.rows; ++y) {
        const float* const row = first + y * arguments.row_step + c;
        for (int64_t x = 0; x < arguments.columns; ++x) best = Max(Load(row + x * arguments.column_step), best);
      }
      Store(target + c, best);
    }
  }
}

void Mean(const float* source, int64_t row_stride, int64_t pixel_stride, int64_t rows, int64_t columns,
          int64_t channels, float scale, float* target) {
  for (int64_t c = 0; c < channels; c += kLanes) {
    Vector sum{};
    for (int64_t y = 0; y < rows; ++y) {
      for (int64_t x = 0; x < columns; ++x) sum += Load(source + y * row_stride + x * pixel_stride + c);
    }
    Store(target + c, sum * scale);
  }
}

void Add(const float* left, const float* right, int64_t length, bool relu, float* target) {
  for (int64_t i = 0; i < length; i += kLanes) {
    const Vector sum = Load(left + i) + Load(right + i);
    Store(target + i, relu ? Relu(sum) : sum);
  }
}

constexpr KernelSet kKernels{
    kName,
    kBlock,
    kRows,
    RunRows<>,
    RunRowsEpilogue<>,
    RunTileInput<Winograd2>,
    RunTileInput<Winograd4>,
    RunTileOutput<Winograd2>,
    RunTileOutput<Winograd4>,
    MaxWindows,
    Mean,
    Add,
};
