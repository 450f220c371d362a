module recipes/partsums

go 1.25.0

require (
	github.com/minio/crc64nvme v1.1.1
	github.com/minio/md5-simd v1.1.2
)

require (
	github.com/klauspost/cpuid/v2 v2.2.9 // indirect
	golang.org/x/sys v0.28.0 // indirect
)
