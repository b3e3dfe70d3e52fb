#include "fuzz/hdf5_changes.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "fuzz/fuzz_target.hpp"
#include "results/hdf5_values.hpp"

namespace {

using namespace orbitmill;
using fuzz::Bytes;
namespace fs = std::filesystem;

/// The one file of this process that every input becomes: in memory where the system offers that.
/// HDF5 asks for the real path, so that a file without a name will not do.
const std::string& written_to_file(const void* data, std::size_t bytes) {
  struct Scratch {
    Scratch() {
      const fs::path memory = "/dev/shm";
      const fs::path folder = fs::is_directory(memory) ? memory : fs::temp_directory_path();
      path = (folder / fmt::format("orbitmill-fuzz.{}.h5", ::getpid())).string();
    }
    ~Scratch() { std::remove(path.c_str()); }
    std::string path;
  };
  static const Scratch scratch;
  std::ofstream file(scratch.path, std::ios::binary | std::ios::trunc);
  file.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
  file.close();
  fuzz::require(!file.fail(), "the scratch file can be written", scratch.path);
  return scratch.path;
}

const std::string& base_image() {
  static const std::string image = [] {
    const char* name = std::getenv("ORBITMILL_FUZZ_FILE");
    const std::string bytes = name == nullptr ? "" : fuzz::read_file(name);
    if (bytes.empty()) {
      std::fprintf(stderr, "ORBITMILL_FUZZ_FILE must name a file to change\n");
      std::exit(2);
    }
    return bytes;
  }();
  return image;
}

/// Every object of the base file, and every attribute.
struct Places {
  struct Attribute {
    std::string object, name;
  };
  std::vector<std::string> objects;
  std::vector<Attribute> attributes;
};

const Places& base_places() {
  static const Places places = [] {
    Places found;
    const std::string& path = written_to_file(base_image().data(), base_image().size());
    const Hdf5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose,
                          "opening the base");
    H5Ovisit2(
        file.get(), H5_INDEX_NAME, H5_ITER_INC,
        [](hid_t, const char* name, const H5O_info_t*, void* out) -> herr_t {
          static_cast<Places*>(out)->objects.emplace_back(name);
          return 0;
        },
        &found, H5O_INFO_BASIC);
    for (const std::string& name : found.objects) {
      std::pair<Places*, const std::string*> context{&found, &name};
      const Hdf5Handle object(H5Oopen(file.get(), name.c_str(), H5P_DEFAULT), H5Oclose, "base");
      H5Aiterate2(
          object.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr,
          [](hid_t, const char* attribute, const H5A_info_t*, void* out) -> herr_t {
            const auto& [places_found, owner] =
                *static_cast<std::pair<Places*, const std::string*>*>(out);
            places_found->attributes.push_back({*owner, attribute});
            return 0;
          },
          &context);
    }
    return found;
  }();
  return places;
}

template <class List>
const auto& chosen(Bytes& bytes, const List& list) {
  return list[bytes.byte() % list.size()];
}

/// A number that no processor has. What HDF5 refuses is left as it is.
Hdf5Handle make_odd_number(Bytes& bytes, std::uint8_t kind) {
  Hdf5Handle type(H5Tcopy(kind == 11 ? H5T_IEEE_F64LE : H5T_STD_U64BE), H5Tclose, "type");
  if (kind == 9) H5Tset_size(type.get(), 1 + 4 * std::size_t{bytes.byte()});
  if (kind == 10) H5Tset_precision(type.get(), 1 + bytes.byte() % 64);
  if (kind == 10) H5Tset_offset(type.get(), bytes.byte() % 64);
  if (kind == 11) H5Tset_ebias(type.get(), bytes.number());
  return type;
}

/// A datatype, not always one that the schema knows.
Hdf5Handle make_type(Bytes& bytes) {
  const hid_t numbers[] = {H5T_STD_U64LE,  H5T_STD_I64BE, H5T_STD_U8LE,
                           H5T_IEEE_F64LE, H5T_STD_I32LE, H5T_IEEE_F32BE};
  const std::uint8_t kind = bytes.byte() % 12;
  if (kind > 8) return make_odd_number(bytes, kind);
  if (kind < 6) return {H5Tcopy(numbers[kind]), H5Tclose, "type"};
  Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "type");
  if (kind == 6) hdf5_check(H5Tset_size(type.get(), H5T_VARIABLE), "type");
  if (kind == 7) hdf5_check(H5Tset_size(type.get(), 1 + bytes.byte()), "type");
  if (kind == 8) {
    const hsize_t two = 2;
    return {H5Tarray_create2(H5T_STD_U64LE, 1, &two), H5Tclose, "type"};
  }
  hdf5_check(H5Tset_strpad(type.get(), bytes.byte() % 2 ? H5T_STR_SPACEPAD : H5T_STR_NULLPAD),
             "type");
  return type;
}

void replace_dataset(Bytes& bytes, hid_t file, const std::string& name) {
  const Hdf5Handle type = make_type(bytes);
  const std::uint8_t layout = bytes.byte();
  const hsize_t extent[] = {bytes.number(), 2};
  const int rank = layout % 4 == 3 ? 2 : layout % 8 == 4 ? 0 : 1;
  const Hdf5Handle space(H5Screate_simple(rank, extent, nullptr), H5Sclose, "space");
  const Hdf5Handle creation = make_property_list(H5P_DATASET_CREATE);
  const hsize_t chunk[] = {std::max<hsize_t>(1, bytes.number()), 2};
  if (layout % 2 == 0 && rank > 0) {
    hdf5_check(H5Pset_chunk(creation.get(), rank, chunk), "chunk");
    for (int times = layout / 8 % 4; times > 0; --times)
      hdf5_check(H5Pset_deflate(creation.get(), 1), "deflate");
  } else {
    hdf5_check(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_LATE), "layout");
  }
  hdf5_check(H5Ldelete(file, name.c_str(), H5P_DEFAULT), "delete");
  const Hdf5Handle made(H5Dcreate2(file, name.c_str(), type.get(), space.get(), H5P_DEFAULT,
                                   creation.get(), H5P_DEFAULT),
                        H5Dclose, "create");
}

/// Other values in a dataset of 64-bit words, as far as the input goes.
void write_words(Bytes& bytes, hid_t file, const std::string& name) {
  const Hdf5Handle dataset = open_dataset(file, name);
  const Hdf5Handle extent = dataspace_of(dataset.get());
  const hssize_t rows = H5Sget_simple_extent_npoints(extent.get());
  if (rows < 1 || rows > 4096 || H5Sget_simple_extent_ndims(extent.get()) != 1) return;
  const hsize_t first = bytes.number() % static_cast<hsize_t>(rows);
  const hsize_t count = std::min<hsize_t>(static_cast<hsize_t>(rows) - first, bytes.byte() % 8);
  std::vector<std::uint64_t> words(count);
  for (std::uint64_t& word : words) word = bytes.number();
  const Hdf5Handle memory = make_dataspace(count);
  select_rows(extent.get(), first, count);
  hdf5_check(H5Dwrite(dataset.get(), H5T_NATIVE_UINT64, memory.get(), extent.get(), H5P_DEFAULT,
                      words.data()),
             "write");
}

void replace_attribute(Bytes& bytes, hid_t file, const Places::Attribute& place) {
  const Hdf5Handle object(H5Oopen(file, place.object.c_str(), H5P_DEFAULT), H5Oclose, "object");
  hdf5_check(H5Adelete(object.get(), place.name.c_str()), "delete");
  switch (bytes.byte() % 6) {
    case 0:
      return;
    case 1:
      return write_number(object.get(), place.name.c_str(), bytes.number());
    case 2:
      return write_text(object.get(), place.name.c_str(), bytes.text(bytes.byte()));
    case 3:
      return write_text(object.get(), place.name.c_str(), std::to_string(bytes.number()));
    case 4:
      return write_pair(object.get(), place.name.c_str(), bytes.byte(), bytes.byte());
    default: {
      const Hdf5Handle type = make_type(bytes);
      const hsize_t extent = bytes.byte() % 4;
      const Hdf5Handle space = make_dataspace(extent);
      const Hdf5Handle made(H5Acreate2(object.get(), place.name.c_str(), type.get(), space.get(),
                                       H5P_DEFAULT, H5P_DEFAULT),
                            H5Aclose, "create");
    }
  }
}

void replace_link(Bytes& bytes, hid_t file, const std::string& name) {
  if (name == ".") return;
  const std::string target = chosen(bytes, base_places().objects);
  const std::uint8_t kind = bytes.byte() % 4;
  if (kind == 1 && target == name) return;
  hdf5_check(H5Ldelete(file, name.c_str(), H5P_DEFAULT), "delete");
  if (kind == 1) H5Lcreate_hard(file, target.c_str(), file, name.c_str(), H5P_DEFAULT, H5P_DEFAULT);
  if (kind == 2) H5Lcreate_soft(target.c_str(), file, name.c_str(), H5P_DEFAULT, H5P_DEFAULT);
}

/// A change that HDF5 refuses (the object is gone already) is left out.
void change(Bytes& bytes, hid_t file) {
  try {
    const std::uint8_t kind = bytes.byte() % 8;
    if (kind < 3) return replace_attribute(bytes, file, chosen(bytes, base_places().attributes));
    const std::string& name = chosen(bytes, base_places().objects);
    if (kind < 5) return write_words(bytes, file, name);
    if (kind < 7) return replace_dataset(bytes, file, name);
    replace_link(bytes, file, name);
  } catch (const Hdf5Failure&) {
  }
}

}  // namespace

int fuzz::run_on_file(const std::uint8_t* data, std::size_t size, bool (*use)(const std::string&)) {
  constexpr std::string_view signature = "\x89HDF";
  if (std::string_view(reinterpret_cast<const char*>(data), size).starts_with(signature)) {
    use(written_to_file(data, size));
  } else {
    base_places();
    const std::string& path = written_to_file(base_image().data(), base_image().size());
    Bytes bytes(data, size);
    {
      const Hdf5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose,
                            "opening the base");
      for (int changes = 0; changes < 6 && !bytes.empty(); ++changes) change(bytes, file.get());
    }
    const bool read = use(path);
    require(size > 0 || read, "the file without changes is read");
  }
  require(H5Fget_obj_count(hid_t{H5F_OBJ_ALL}, H5F_OBJ_ALL) == 0, "everything is closed");
  return 0;
}
