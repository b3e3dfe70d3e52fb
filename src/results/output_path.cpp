#include "output_path.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <system_error>
#include <vector>

#include "descriptor.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/results/result_file.hpp"

namespace orbitmill {

namespace fs = std::filesystem;

namespace {

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// strerror() for people: the common cases with what to do about them.
std::string describe(int error, const fs::path& target) {
  const std::string folder = folder_of(target).string();
  switch (error) {
    case EACCES:
    case EPERM:
      return fmt::format("no permission to write in the folder \"{}\"", folder);
    case EROFS:
      return fmt::format("the folder \"{}\" is on a read-only file system", folder);
    case ENOSPC:
      return fmt::format("no space left in the folder \"{}\"", folder);
    case EDQUOT:
      return fmt::format("the disk quota of the folder \"{}\" is used up", folder);
    case EFBIG:
      return "the file is larger than the limit (ulimit -f, or the file system's)";
    case ENAMETOOLONG:
      return "the name is too long (a temporary name has 17 characters more)";
    default:
      return std::strerror(error);
  }
}

[[noreturn]] void cannot_create(const fs::path& path, const std::string& why) {
  throw CannotCreateError(fmt::format("cannot create \"{}\": {}", path.string(), why));
}

[[noreturn]] void cannot_create(const fs::path& path, int error) {
  const std::string why = describe(error, path);
  // A full disk is an I/O error whenever it shows: its exit code should not depend on the moment.
  if (error == ENOSPC || error == EDQUOT || error == EFBIG)
    throw IoError(fmt::format("cannot write \"{}\": {}; free some or choose another folder with -o",
                              path.string(), why));
  cannot_create(path, why + "; choose another folder with -o");
}

void check_folder(const fs::path& path) {
  const fs::path folder = folder_of(path);
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (status.type() == fs::file_type::not_found)
    cannot_create(path,
                  fmt::format("the folder \"{0}\" does not exist; create it (mkdir -p {0}) or "
                              "choose another with -o",
                              folder.string()));
  if (error) cannot_create(path, error.value());
  if (!fs::is_directory(status))
    cannot_create(path,
                  fmt::format("\"{}\" is not a folder; choose another with -o", folder.string()));
}

void check_target(const fs::path& path, bool overwrite) {
  std::error_code error;
  const fs::file_status followed = fs::status(path, error);
  if (fs::is_directory(followed) || !path.has_filename())
    cannot_create(path, fmt::format("it is a folder; name a file in it, such as -o {}",
                                    (path / "result.h5").string()));
  // A rename would put a file in the place of a device or a pipe.
  if (fs::exists(followed) && !fs::is_regular_file(followed))
    cannot_create(path, "it exists and is not an ordinary file; choose another name with -o");
  // symlink_status: a link to nowhere is in the way as well.
  const fs::file_status itself = fs::symlink_status(path, error);
  if (fs::exists(itself) && !overwrite)
    cannot_create(path, "the file exists; replace it with --overwrite or choose another with -o");
}

/// Returns 0 or errno.
int sync_path(const fs::path& path, int flags) {
  const Descriptor fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (fd.get() < 0) return errno;
  // EINVAL: the file system has no notion of syncing this (some FUSE ones; folders on others).
  return ::fsync(fd.get()) == 0 || errno == EINVAL ? 0 : errno;
}

/// Moves without replacing; returns 0 or errno. Not every file system knows RENAME_NOREPLACE (NFS
/// does not), and not every one knows hard links (FAT does not), but hardly one knows neither.
int rename_without_replacing(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  if (::link(from.c_str(), to.c_str()) == 0) {
    ::unlink(from.c_str());
    return 0;
  }
  if (errno == EEXIST) return EEXIST;
  if (::access(to.c_str(), F_OK) == 0) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

}  // namespace

void check_output_path(const fs::path& path, bool overwrite) {
  if (path.empty())
    throw CannotCreateError("the name of the output file is empty; give -o FILE.h5");
  check_folder(path);
  check_target(path, overwrite);
  // Permission bits say little (root, ACLs, root-squashed NFS): do it to know it. One block shows a
  // disk that is full already, before hours of work.
  const fs::path probe = temporary_name(path);
  create_temporary(probe, path, std::vector<std::byte>(4096));
  ::unlink(probe.c_str());
}

fs::path temporary_name(const fs::path& path) {
  // Not seeded from the clock: jobs of an array start at the same time.
  std::random_device random;
  fs::path name = path;
  name += fmt::format(".partial-{:08x}", random());
  return name;
}

void create_temporary(const fs::path& temporary, const fs::path& target,
                      std::span<const std::byte> bytes) {
  Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (fd.get() < 0) cannot_create(target, errno);
  int error = write_all(fd.get(), bytes);
  // NFS and other delayed allocators report a full disk only here.
  if (fd.close() != 0 && error == 0) error = errno;
  if (error == 0) return;
  ::unlink(temporary.c_str());
  cannot_create(target, error);
}

void publish(const fs::path& temporary, const fs::path& target, bool overwrite) {
  if (const int error = sync_path(temporary, O_RDWR); error != 0)
    throw IoError(fmt::format("writing \"{}\" failed: {}{}", target.string(),
                              describe(error, target), free_space_note(target)));
  const int error = overwrite ? (::rename(temporary.c_str(), target.c_str()) == 0 ? 0 : errno)
                              : rename_without_replacing(temporary, target);
  if (error == EEXIST)
    cannot_create(target,
                  "a file of this name came into being while the program ran; replace it "
                  "with --overwrite or choose another with -o");
  if (error != 0) cannot_create(target, error);
  // The result is in place. That the name survives a power cut cannot be had everywhere (a folder
  // may be writable and not readable) and is no reason to call the run failed.
  sync_path(folder_of(target), O_RDONLY | O_DIRECTORY);
}

std::string free_space_note(const fs::path& target) {
  struct statvfs space {};
  if (::statvfs(folder_of(target).c_str(), &space) != 0) return {};
  const std::uint64_t bytes = std::uint64_t{space.f_bavail} * space.f_frsize;
  return fmt::format("; space left in \"{}\": {} MB", folder_of(target).string(),
                     bytes / 1'000'000);
}

}  // namespace orbitmill
