// Files as checkpoints are read from them: file_posix.cc and file_windows.cc. All throw a FileError that names the
// file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace napi_torch {

// An open regular file, closed at the end of its life.
class File {
 public:
  // Does not wait, as opening a pipe would for its other end. The path is UTF-8, without a zero byte.
  explicit File(const std::string& path);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Throws unless the file has `length` bytes at `offset`.
  void CheckHolds(int64_t offset, int64_t length) const;
  void Read(int64_t offset, int64_t length, uint8_t* into) const;

 private:
  friend class Mapping;

  std::string path_;
  // A descriptor, or a HANDLE of Windows.
  intptr_t handle_;
};

// A stretch of a file in memory, private to this process where it is written.
class Mapping {
 public:
  Mapping(const File& file, int64_t begin, int64_t end);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  // The byte at `offset` of the file.
  uint8_t* At(int64_t offset) const { return start_ + (offset - begin_); }

 private:
  int64_t begin_;
  size_t length_;
  uint8_t* start_ = nullptr;
};

}  // namespace napi_torch
